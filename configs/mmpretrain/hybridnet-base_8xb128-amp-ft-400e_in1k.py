# HybridNet-B fine-tuned on ImageNet-1K, 224 px, 400 epochs, from MAP.
# Paper: 84.9 top-1. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/hybridnet-base_8xb128-amp-ft-400e_in1k.py 8
#
# Options: README.md.
_base_ = 'hybridnet-tiny_8xb128-amp-ft-400e_in1k.py'

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
    head=dict(in_channels=768),
)
