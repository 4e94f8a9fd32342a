# Mask R-CNN on 20 labelled mosaics from scratch: mask-rcnn_mosaics.py
# without pretraining.
#
#   python tools/train.py configs/demo/mask-rcnn_mosaics_scratch.py
_base_ = 'mask-rcnn_mosaics.py'

model = dict(backbone=dict(init_cfg=None))
