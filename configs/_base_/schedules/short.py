# For runs of minutes: AdamW, a warm-up of 50 iterations, a cosine over the
# whole run. What inherits from it sets the rate and the epochs.
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
