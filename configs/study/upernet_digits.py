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
# With half of this rate a seed may stay at the background for 4 epochs.
optim_wrapper = dict(optimizer=dict(lr=4e-3))
train_cfg = dict(max_epochs=5, val_interval=5)
default_hooks = dict(checkpoint=dict(interval=5))
