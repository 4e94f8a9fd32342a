# HybridNet-L fine-tuned on ImageNet-1K, 384 px, 400 epochs, from MAP.
# Paper: 86.2 top-1. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/hybridnet-large_8xb128-amp-ft-400e_in1k-384px.py 8
#
# Options: README.md.
_base_ = 'hybridnet-base_8xb128-amp-ft-400e_in1k-384px.py'

model = dict(
    backbone=dict(
        arch='large',
        drop_path_rate=0.3,
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_hybridnet-large_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            )
        ),
    ),
    head=dict(in_channels=1024),
)
# 0.4 % for the embedding also where there are 64 blocks.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.92))
