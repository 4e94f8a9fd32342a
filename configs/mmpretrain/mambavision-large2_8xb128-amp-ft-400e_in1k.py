# MambaVision-L2 fine-tuned on ImageNet-1K, 224 px, 400 epochs, from MAP.
# Paper: 86.4 top-1. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/mambavision-large2_8xb128-amp-ft-400e_in1k.py 8
#
# Options: README.md.
_base_ = 'mambavision-base_8xb128-amp-ft-400e_in1k.py'

model = dict(
    backbone=dict(
        arch='large2',
        drop_path_rate=0.3,
        with_cp=True,
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_mambavision-large2_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            )
        ),
    ),
    head=dict(in_channels=1568),
)
# 0.4 % for the stem also where there are 23 blocks.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.795))
