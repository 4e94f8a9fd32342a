# What the demo's tasks share: a HybridNet of 0.8 M parameters on 512 points,
# loaders without processes of their own, the seed and the schedule.
_base_ = '../../../_base_/runtimes/mmpretrain.py'

small = dict(embed_dims=96, pattern='MMMT', num_heads=4, d_state=8)
groups = dict(num_groups=32, group_size=16)
loader = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    collate_fn=dict(type='pseudo_collate'),
)

randomness = dict(seed=0)
optim_wrapper = dict(
    constructor='LayerDecayOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=10.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=50),
    dict(
        type='CosineAnnealingLR',
        eta_min=0.0,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=5))
