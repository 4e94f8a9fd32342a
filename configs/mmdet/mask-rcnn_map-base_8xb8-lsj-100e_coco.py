# Mask R-CNN on HybridNet-B, COCO, 1024 px with large-scale jitter,
# 100 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmdet/mask-rcnn_map-base_8xb8-lsj-100e_coco.py 8
#
# Options: README.md.
_base_ = [
    'mask-rcnn_map-tiny_8xb8-lsj-100e_coco.py',
    '../_base_/models/hybridnet_sizes.py',
]

model = dict(
    backbone=_base_.hybridnet_base,
    neck=dict(in_channels=768),
)
