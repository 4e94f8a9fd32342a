# Parts of shapes of 19 categories; every fifth shape is for validation.
_base_ = [
    '../../../_base_/models/point_parts.py',
    'small.py',
]

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, **_base_.small),
        out_indices=(0, 2, 3),
        **_base_.groups,
    ),
    head=dict(
        num_parts=94, num_categories=19, in_channels=96, channels=(256, 128)
    ),
)
_shapes = dict(
    type='PointNPZ', data_root='data/points', ann_file='parts19_2048.npz'
)
_loader = dict(_base_.loader, batch_size=16)
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
    **_loader,
)
val_dataloader = dict(
    dataset=dict(split='val', pipeline=[dict(type='PackPoints')], **_shapes),
    sampler=dict(type='DefaultSampler', shuffle=False),
    **_loader,
)
test_dataloader = val_dataloader
val_evaluator = dict(type='PartIoU')
test_evaluator = val_evaluator
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=60, val_interval=20)
val_cfg = dict()
test_cfg = dict()
