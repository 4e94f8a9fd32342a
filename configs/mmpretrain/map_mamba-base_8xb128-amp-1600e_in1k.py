# MAP pretraining of pure Mamba, 24 blocks of the width of HybridNet-B, on
# ImageNet-1K, 224 px, 1,600 epochs.
# Paper: 84.0 top-1, after fine-tuning, with MambaR-B.
# Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/map_mamba-base_8xb128-amp-1600e_in1k.py 8
#
# Options: README.md.
_base_ = [
    'map_hybridnet-base_8xb128-amp-1600e_in1k.py',
    '../_base_/models/archs.py',
]

model = dict(backbone=dict(arch=dict(_delete_=True, **_base_.mamba_base)))
