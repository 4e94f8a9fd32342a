# MAP pretraining of ViT-B, a HybridNet of attention blocks alone, on
# ImageNet-1K, 224 px, 1,600 epochs.
# Paper: 83.6 top-1, after fine-tuning. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/map_vit-base_8xb128-amp-1600e_in1k.py 8
#
# Options: README.md.
_base_ = [
    'map_hybridnet-base_8xb128-amp-1600e_in1k.py',
    '../_base_/models/archs.py',
]

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, **_base_.vit_base), attention='residual'
    )
)
