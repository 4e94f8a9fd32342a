# HybridNet-B, blocks in the order MMMTMMMT, trained from scratch on
# ImageNet-1K, 224 px, 400 epochs.
# Paper: 83.12 top-1. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/hybridnet-base_8xb128-amp-scratch-400e_in1k.py 8
#
# Options: README.md.
_base_ = 'hybridnet-base_8xb128-amp-ft-400e_in1k.py'

model = dict(backbone=dict(init_cfg=None))
# From scratch, all layers have the same learning rate.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=1.0))
