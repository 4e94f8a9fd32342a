# Cascade Mask R-CNN on HybridNet-S, COCO, 1024 px with large-scale jitter,
# 100 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmdet/cascade-mask-rcnn_map-small_8xb8-lsj-100e_coco.py 8
#
# Options: README.md.
_base_ = [
    'cascade-mask-rcnn_map-tiny_8xb8-lsj-100e_coco.py',
    '../_base_/models/hybridnet_sizes.py',
]

model = dict(
    backbone=_base_.hybridnet_small,
    neck=dict(in_channels=384),
)
