# ShapeNetPart, 2,048 points.
_loader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    collate_fn=dict(type='pseudo_collate'),
)
_clouds = dict(type='ShapeNetPart', data_root='data/shapenetpart')
train_dataloader = dict(
    dataset=dict(
        split='trainval',
        pipeline=[
            dict(type='SamplePoints', num=2048, random=True, repeat=True),
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
            dict(type='SamplePoints', num=2048, random=True, repeat=True),
            dict(type='NormalizePoints'),
            dict(type='PackPoints'),
        ],
        **_clouds,
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
    **_loader,
)
test_dataloader = val_dataloader
val_evaluator = dict(type='PartIoU')
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
