# DINO (the detector, four scales) on HybridNet-B, COCO, 12 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmdet/dino-4scale_map-base_8xb2-12e_coco.py 8
#
# Options: README.md.
_base_ = [
    'dino-4scale_map-tiny_8xb2-12e_coco.py',
    '../_base_/models/hybridnet_sizes.py',
]

model = dict(
    backbone=_base_.hybridnet_base,
    neck=dict(in_channels=768),
)
