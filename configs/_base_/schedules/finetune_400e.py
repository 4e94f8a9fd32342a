# Fine-tuning: 400 epochs. The paper gives no layer decay: with this one the
# embedding of 32 blocks learns at 0.4 % of the full rate, as in MAE's
# fine-tuning of ViT-B.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    constructor='LayerDecayOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    paramwise_cfg=dict(layer_decay_rate=0.85),
    clip_grad=dict(max_norm=3.0),
)
auto_scale_lr = dict(base_batch_size=1024)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=400, val_interval=10)
val_cfg = dict()
test_cfg = dict()
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-3,  # from 1e-6
        by_epoch=True,
        end=5,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        # A ratio: an absolute rate would lie above that of the first layers.
        eta_min_ratio=0.01,
        by_epoch=True,
        begin=5,
        end=400,
        convert_to_iter_based=True,
    ),
]
