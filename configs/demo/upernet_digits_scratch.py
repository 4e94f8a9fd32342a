# UPerNet on digit scenes from scratch: upernet_digits.py without pretraining.
#
#   python tools/train.py configs/demo/upernet_digits_scratch.py
_base_ = 'upernet_digits.py'

model = dict(backbone=dict(init_cfg=None))
