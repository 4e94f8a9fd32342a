# A linear layer on the frozen HybridNet, random here: set the checkpoint of a
# pretraining as classifier_shapes69.py does; tools/study.py does so itself.
_base_ = '_base_/classifier.py'

model = dict(
    backbone=dict(frozen_stages=4, with_cls_token=False),
    neck=dict(type='ClsBatchNormNeck', input_features=96),
    head=dict(
        _delete_=True,
        type='LinearClsHead',
        num_classes=69,
        in_channels=96,
        loss=dict(type='CrossEntropyLoss'),
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-2, weight_decay=0.0))
train_cfg = dict(val_interval=20)
default_hooks = dict(checkpoint=dict(interval=20))
