# What the demo's tasks share: a HybridNet of 0.6 M parameters, loaders
# without processes of their own, the seed and the schedule.
small = dict(embed_dims=128, pattern='MMMT', num_heads=4, d_state=8)
loader = dict(num_workers=0, persistent_workers=False)

randomness = dict(seed=0)
optim_wrapper = dict(
    constructor='LayerDecayOptimWrapperConstructor',
    optimizer=dict(type='AdamW', weight_decay=0.05),
    clip_grad=dict(max_norm=3.0),
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
