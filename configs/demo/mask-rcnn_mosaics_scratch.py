# Mask R-CNN on 100 labelled mosaics from scratch: mask-rcnn_mosaics.py
# without pretraining.
#
#   python tools/train.py configs/demo/mask-rcnn_mosaics_scratch.py
_base_ = 'mask-rcnn_mosaics.py'

model = dict(backbone=dict(init_cfg=None))
# Layers that learn from nothing learn at one rate.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=1.0))
