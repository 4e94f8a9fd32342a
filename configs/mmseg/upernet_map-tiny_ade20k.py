# UPerNet on HybridNet-T, ADE20K, 512 px, 60k iterations, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmseg/upernet_map-tiny_ade20k.py 8
#
# Options: README.md.
_base_ = 'upernet_map_ade20k.py'

model = dict(
    backbone=dict(
        arch='tiny',
        drop_path_rate=0.05,
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_hybridnet-tiny_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            )
        ),
    ),
    neck=dict(in_channels=192),
    decode_head=dict(in_channels=[192] * 4),
    auxiliary_head=dict(in_channels=192),
)
