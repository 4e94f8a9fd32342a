# HybridNet-S fine-tuned on ImageNet-1K, 224 px, 400 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/hybridnet-small_8xb128-amp-ft-400e_in1k.py 8
#
# Options: README.md.
_base_ = 'hybridnet-tiny_8xb128-amp-ft-400e_in1k.py'

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
    head=dict(in_channels=384),
)
