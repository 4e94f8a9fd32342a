# MoCo v3's schedule for plain backbones: 300 epochs, 40 of warm-up, 1.5e-4
# for 256 images, in proportion to the batch: 6e-4 for 8 GPUs x 128.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    constructor='LayerDecayOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=6e-4, weight_decay=0.1),
    clip_grad=dict(max_norm=3.0),
)
auto_scale_lr = dict(base_batch_size=1024)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=300)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        end=40,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=0.0,
        by_epoch=True,
        begin=40,
        end=300,
        convert_to_iter_based=True,
    ),
]
