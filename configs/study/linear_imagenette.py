# A linear layer on the frozen small HybridNet, for comparisons.
#
#   python tools/study.py configs/study/imagenette.yml --data-root DIR
_base_ = 'classifier_imagenette.py'

model = dict(
    backbone=dict(frozen_stages=12),
    neck=dict(type='ClsBatchNormNeck', input_features=192),
    head=dict(init_cfg=dict(type='TruncNormal', layer='Linear', std=0.01)),
)
optim_wrapper = dict(optimizer=dict(lr=1e-2, weight_decay=0.0))
train_cfg = dict(max_epochs=10, val_interval=10)
default_hooks = dict(checkpoint=dict(interval=10))
