# Mask R-CNN on HybridNet-S, COCO, 3x schedule, from MAP: 36 epochs, the
# shorter edge at 480 to 800 px.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmdet/mask-rcnn_map-small_8xb2-ms-3x_coco.py 8
#
# Options: README.md.
_base_ = [
    'mask-rcnn_map-tiny_8xb2-ms-3x_coco.py',
    '../_base_/models/hybridnet_sizes.py',
]

model = dict(
    backbone=_base_.hybridnet_small,
    neck=dict(in_channels=384),
)
