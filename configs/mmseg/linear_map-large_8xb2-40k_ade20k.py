# A linear layer on a frozen HybridNet-L, ADE20K, 512 px, 40k iterations, from
# MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmseg/linear_map-large_8xb2-40k_ade20k.py 8
#
# Options: README.md.
_base_ = 'linear_map-small_8xb2-40k_ade20k.py'

model = dict(
    backbone=dict(
        arch='large',
        frozen_stages=64,
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_hybridnet-large_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            )
        ),
    ),
    decode_head=dict(in_channels=1024, channels=1024),
)
