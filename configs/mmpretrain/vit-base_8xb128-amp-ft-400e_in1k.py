# ViT-B fine-tuned on ImageNet-1K, 224 px, 400 epochs, from MAP.
# Paper: 83.6 top-1. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/vit-base_8xb128-amp-ft-400e_in1k.py 8
#
# Options: README.md.
_base_ = [
    'hybridnet-tiny_8xb128-amp-ft-400e_in1k.py',
    '../_base_/models/archs.py',
]

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, **_base_.vit_base),
        attention='residual',
        drop_path_rate=0.1,
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_vit-base_8xb128-amp-1600e_in1k/epoch_1600.pth'
            )
        ),
    ),
    head=dict(in_channels=768),
)
# 0.4 % for the embedding also where there are 12 blocks.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.65))
