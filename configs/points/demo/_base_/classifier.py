# Classification of CAD shapes in 69 classes; every fifth is for validation.
_base_ = [
    '../../../_base_/models/point_classifier.py',
    'small.py',
]

model = dict(
    backbone=dict(arch=dict(_delete_=True, **_base_.small), **_base_.groups),
    head=dict(num_classes=69, in_channels=192),
)
_shapes = dict(
    type='PointNPZ', data_root='data/points', ann_file='shapes69_1024.npz'
)
train_dataloader = dict(
    dataset=dict(
        split='train',
        pipeline=[
            dict(type='SamplePoints', num=512, random=True),
            dict(type='ScaleTranslatePoints'),
            dict(type='PackPoints'),
        ],
        **_shapes,
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    **_base_.loader,
)
val_dataloader = dict(
    dataset=dict(
        split='val',
        pipeline=[
            dict(type='SamplePoints', num=512),
            dict(type='PackPoints'),
        ],
        **_shapes,
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
    **_base_.loader,
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=5)
val_cfg = dict()
test_cfg = dict()
