# MAP of the small HybridNet on CAD shapes, without their labels.
_base_ = [
    '../../../_base_/models/point_map.py',
    'small.py',
]

model = dict(
    backbone=dict(arch=dict(_delete_=True, **_base_.small), **_base_.groups),
    decoder=dict(in_channels=96, depth=2, num_heads=4),
    head=dict(in_channels=96, group_size=16),
)
train_dataloader = dict(
    dataset=dict(
        type='PointNPZ',
        data_root='data/points',
        ann_file='shapes69_1024.npz',
        split='train',
        pipeline=[
            dict(type='SamplePoints', num=512, random=True),
            dict(type='ScaleTranslatePoints'),
            dict(type='PackPoints'),
        ],
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    **_base_.loader,
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ReconstructionHook', interval=10),
    dict(type='FeatureMonitorHook', interval=10),
]
