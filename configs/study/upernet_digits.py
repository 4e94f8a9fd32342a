# UPerNet on the tiny HybridNet, on digit scenes, for comparisons.
#
#   python tools/study.py configs/study/digits.yml --data-root data/digits
_base_ = '../demo/upernet_digits.py'

model = dict(
    backbone=dict(arch=dict(embed_dims=64), init_cfg=None),
    neck=dict(in_channels=64),
    decode_head=dict(in_channels=[64] * 4),
    auxiliary_head=dict(in_channels=64),
)
train_cfg = dict(max_epochs=4, val_interval=4)
default_hooks = dict(checkpoint=dict(interval=4))
