# Autoregressive pretraining of pure Mamba on ImageNet-1K, 224 px, 1,600
# epochs, in raster order, that of the scan, with 20 % of the tokens hidden.
# Paper: 83.7; +2.9 in the pilot, after fine-tuning, with MambaR-B.
# Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/ar_mamba-base_8xb128-amp-1600e_in1k.py 8
#
# Options: README.md.
_base_ = 'map_mamba-base_8xb128-amp-1600e_in1k.py'

model = dict(masking=dict(ratio=0.2), decoder=dict(attention='raster'))
