# DINO (the detector, four scales) on HybridNet-S, COCO, 12 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmdet/dino-4scale_map-small_8xb2-12e_coco.py 8
#
# Options: README.md.
_base_ = 'dino-4scale_map-tiny_8xb2-12e_coco.py'

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
