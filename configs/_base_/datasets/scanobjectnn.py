# ScanObjectNN, 2,048 points; the hardest variant if no other is set.
_loader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    collate_fn=dict(type='pseudo_collate'),
)
_clouds = dict(type='ScanObjectNN', data_root='data/scanobjectnn')
train_dataloader = dict(
    dataset=dict(
        split='train',
        pipeline=[
            dict(type='NormalizePoints'),
            dict(type='RotatePoints', axis='y'),
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
