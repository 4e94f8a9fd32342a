# Linear probing: a frozen backbone, its features normalised over the batch
# as in MAE. Another size changes `neck.input_features` as well.
_base_ = 'classifier.py'

model = dict(
    backbone=dict(frozen_stages=32),
    neck=dict(type='ClsBatchNormNeck', input_features=192),
    head=dict(init_cfg=dict(type='TruncNormal', layer='Linear', std=0.01)),
)
