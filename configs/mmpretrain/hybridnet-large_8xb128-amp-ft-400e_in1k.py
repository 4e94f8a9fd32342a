# HybridNet-L fine-tuned on ImageNet-1K, 224 px, 400 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/hybridnet-large_8xb128-amp-ft-400e_in1k.py 8
#
# Options: README.md.
_base_ = 'hybridnet-tiny_8xb128-amp-ft-400e_in1k.py'

model = dict(
    backbone=dict(
        arch='large',
        drop_path_rate=0.3,
        with_cp=True,
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
