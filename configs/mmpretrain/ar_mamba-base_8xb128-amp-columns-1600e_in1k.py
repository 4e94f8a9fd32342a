# Autoregressive pretraining of pure Mamba on ImageNet-1K, 224 px, 1,600
# epochs, column by column, across its scan.
# Paper: +0.2 in the pilot, after fine-tuning. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/ar_mamba-base_8xb128-amp-columns-1600e_in1k.py 8
#
# Options: README.md.
_base_ = 'ar_mamba-base_8xb128-amp-1600e_in1k.py'

model = dict(decoder=dict(attention='raster_columns'))
