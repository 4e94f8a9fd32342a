# MAP pretraining of HybridNet-B on ImageNet-1K, 224 px, 1,600 epochs, with a
# band of diagonals hidden.
# Paper: 83.8 top-1, after fine-tuning. Expected time: not measured.
#
#   tools/dist_train.sh \
#   configs/mmpretrain/map_hybridnet-base_8xb128-amp-diagonal-1600e_in1k.py 8
#
# Options: README.md.
_base_ = 'map_hybridnet-base_8xb128-amp-1600e_in1k.py'

model = dict(masking=dict(type='DiagonalMasking'))
