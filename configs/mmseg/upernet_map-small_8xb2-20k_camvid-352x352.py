# UPerNet on HybridNet-S, CamVid (11 classes), crops of 352 px, 20k iterations,
# from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmseg/upernet_map-small_8xb2-20k_camvid-352x352.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/upernet.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/segmentation_20k.py',
    '../_base_/runtimes/mmseg.py',
]

crop = (352, 352)
model = dict(
    data_preprocessor=dict(size=crop),
    backbone=dict(img_size=crop),
    decode_head=dict(num_classes=11),
    auxiliary_head=dict(num_classes=11),
    test_cfg=dict(crop_size=crop, stride=(235, 235)),
)
