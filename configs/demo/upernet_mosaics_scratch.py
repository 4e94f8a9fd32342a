# UPerNet on 10 labelled mosaics from scratch: upernet_mosaics.py without
# pretraining.
#
#   python tools/train.py configs/demo/upernet_mosaics_scratch.py
_base_ = 'upernet_mosaics.py'

model = dict(backbone=dict(init_cfg=None))
# From scratch, all layers have the same learning rate.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=1.0))
