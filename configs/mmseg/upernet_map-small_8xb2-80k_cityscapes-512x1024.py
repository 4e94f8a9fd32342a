# UPerNet on HybridNet-S, Cityscapes, crops of 512 x 1024 px, 80k iterations,
# from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmseg/upernet_map-small_8xb2-80k_cityscapes-512x1024.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/upernet.py',
    '../_base_/datasets/cityscapes.py',
    '../_base_/schedules/segmentation_80k.py',
    '../_base_/runtimes/mmseg.py',
]

crop = (512, 1024)
model = dict(
    data_preprocessor=dict(size=crop),
    backbone=dict(img_size=crop),
    decode_head=dict(num_classes=19),
    auxiliary_head=dict(num_classes=19),
    test_cfg=dict(crop_size=crop, stride=(341, 683)),
)
