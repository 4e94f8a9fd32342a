# Linear probing of ViT-B on ImageNet-1K, 224 px, after MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/vit-base_8xb512-amp-linear-90e_in1k.py 8
#
# Options: README.md.
_base_ = [
    'hybridnet-tiny_8xb512-amp-linear-90e_in1k.py',
    '../_base_/models/archs.py',
]

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, **_base_.vit_base),
        attention='residual',
        frozen_stages=12,
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_vit-base_8xb128-amp-1600e_in1k/epoch_1600.pth'
            )
        ),
    ),
    neck=dict(input_features=768),
    head=dict(in_channels=768),
)
