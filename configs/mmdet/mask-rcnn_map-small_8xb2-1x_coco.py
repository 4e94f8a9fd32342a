# Mask R-CNN on HybridNet-S, COCO, 1x schedule, from MAP: 12 epochs, the
# shorter edge at 800 px.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmdet/mask-rcnn_map-small_8xb2-1x_coco.py 8
#
# Options: README.md.
_base_ = 'mask-rcnn_map-tiny_8xb2-1x_coco.py'

model = dict(
    backbone=dict(
        arch='small',
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_hybridnet-small_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            )
        ),
    ),
    neck=dict(in_channels=384),
)
