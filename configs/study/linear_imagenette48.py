# A linear layer on the frozen net of map_imagenette48.py, trained with all
# labels.
#
#   python tools/study.py configs/study/labels.yml --data-root DIR
_base_ = 'classifier_imagenette48.py'

model = dict(
    backbone=dict(frozen_stages=4),
    neck=dict(type='ClsBatchNormNeck', input_features=128),
    head=dict(init_cfg=dict(type='TruncNormal', layer='Linear', std=0.01)),
)
train_dataloader = dict(
    batch_size=128,
    dataset=dict(_delete_=True, **_base_.labelled.dataset),
)
optim_wrapper = dict(optimizer=dict(lr=1e-2, weight_decay=0.0))
train_cfg = dict(max_epochs=5, val_interval=5)
default_hooks = dict(checkpoint=dict(interval=5))
