# RetinaNet on HybridNet-B, COCO, 1x schedule, from MAP: 12 epochs, the shorter
# edge at 800 px.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmdet/retinanet_map-base_8xb2-1x_coco.py 8
#
# Options: README.md.
_base_ = 'retinanet_map-tiny_8xb2-1x_coco.py'

model = dict(
    backbone=dict(
        arch='base',
        drop_path_rate=0.2,
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_hybridnet-base_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            )
        ),
    ),
    neck=dict(in_channels=768),
)
