# ModelNet40, 1,024 points.
_loader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    collate_fn=dict(type='pseudo_collate'),
)
_clouds = dict(type='ModelNet40', data_root='data/modelnet40_normal_resampled')
train_dataloader = dict(
    dataset=dict(
        split='train',
        pipeline=[
            dict(type='SamplePoints', num=1024, random=True),
            dict(type='NormalizePoints'),
            dict(type='ScaleTranslatePoints'),
            dict(type='PackPoints'),
        ],
        **_clouds,
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    **_loader,
)
val_dataloader = dict(
    dataset=dict(
        split='test',
        pipeline=[
            dict(type='SamplePoints', num=1024),
            dict(type='NormalizePoints'),
            dict(type='PackPoints'),
        ],
        **_clouds,
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
    **_loader,
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
