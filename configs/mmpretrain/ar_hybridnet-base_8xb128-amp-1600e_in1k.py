# Autoregressive pretraining of HybridNet-B on ImageNet-1K, 224 px, 1,600
# epochs, in raster order, with 20 % of the tokens hidden, the best ratio of
# AR.
# Paper: 83.8 top-1, after fine-tuning. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/ar_hybridnet-base_8xb128-amp-1600e_in1k.py 8
#
# Options: README.md.
_base_ = 'map_hybridnet-base_8xb128-amp-1600e_in1k.py'

model = dict(masking=dict(ratio=0.2), decoder=dict(attention='raster'))
