# Cascade Mask R-CNN on HybridNet-S, COCO, 1024 px with large-scale jitter,
# 100 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmdet/cascade-mask-rcnn_map-small_8xb8-lsj-100e_coco.py 8
#
# Options: README.md.
_base_ = 'cascade-mask-rcnn_map-tiny_8xb8-lsj-100e_coco.py'

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
