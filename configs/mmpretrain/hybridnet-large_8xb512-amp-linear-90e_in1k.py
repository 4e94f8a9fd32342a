# Linear probing of HybridNet-L on ImageNet-1K, 224 px, after MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/hybridnet-large_8xb512-amp-linear-90e_in1k.py 8
#
# Options: README.md.
_base_ = 'hybridnet-tiny_8xb512-amp-linear-90e_in1k.py'

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
    neck=dict(input_features=1024),
    head=dict(in_channels=1024),
)
