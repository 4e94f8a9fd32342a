# ViT-L fine-tuned on ImageNet-1K, 224 px, 400 epochs, from MAP.
# Paper: 86.1 top-1. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/vit-large_8xb128-amp-ft-400e_in1k.py 8
#
# Options: README.md.
_base_ = [
    'hybridnet-tiny_8xb128-amp-ft-400e_in1k.py',
    '../_base_/models/archs.py',
]

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, **_base_.vit_large),
        attention='residual',
        drop_path_rate=0.2,
        with_cp=True,
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_vit-large_8xb128-amp-1600e_in1k/epoch_1600.pth'
            )
        ),
    ),
    head=dict(in_channels=1024),
)
# 0.4 % for the embedding also where there are 24 blocks.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.8))
