# MambaVision-B trained from scratch on ImageNet-1K, 224 px, 400 epochs.
# Paper: 84.2 top-1. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/mambavision-base_8xb128-amp-scratch-400e_in1k.py 8
#
# Options: README.md.
_base_ = 'mambavision-base_8xb128-amp-ft-400e_in1k.py'

model = dict(backbone=dict(init_cfg=None))
# From scratch, all layers have the same learning rate.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=1.0))
