# UPerNet on HybridNet-S, Cityscapes, crops of 512 x 1024 px, 80k iterations,
# from MAP.
# Paper: no result of this model. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmseg/upernet_map-small_8xb2-80k_cityscapes-512x1024.py 8
#
# It starts from the checkpoint of the pretraining config; from another with
#   --cfg-options model.backbone.init_cfg.checkpoint=FILE
# and from scratch with
#   --cfg-options model.backbone.init_cfg=None
# Images elsewhere than in data/cityscapes: --data-root DIR.
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
