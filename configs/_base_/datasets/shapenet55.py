# ShapeNet-55 for pretraining, 1,024 points.
train_dataloader = dict(
    batch_size=128,
    num_workers=8,
    persistent_workers=True,
    collate_fn=dict(type='pseudo_collate'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    dataset=dict(
        type='ShapeNet55',
        data_root='data/shapenet55',
        split='train',
        pipeline=[
            dict(type='SamplePoints', num=1024, random=True),
            dict(type='NormalizePoints'),
            dict(type='ScaleTranslatePoints'),
            dict(type='PackPoints'),
        ],
    ),
)
