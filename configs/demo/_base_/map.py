# MAP pretraining of the small HybridNet, for images of 96 pixels.
_base_ = ['../../_base_/mmmap.py', 'backbone.py']

default_scope = 'mmpretrain'
model = dict(
    type='MAP',
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(out_type='raw'),
    masking=dict(type='RandomMasking', ratio=0.5),
    decoder=dict(
        type='MaskedDecoder',
        in_channels=128,
        grid=6,
        embed_dims=64,
        depth=2,
        num_heads=4,
    ),
    target_generator=dict(type='PixelTarget'),
    head=dict(type='PixelHead', in_channels=64),
)

train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    drop_last=True,
    dataset=dict(
        type='CustomDataset',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(
                type='RandomResizedCrop',
                scale=96,
                crop_ratio_range=(0.2, 1.0),
                backend='cv2',
                interpolation='bicubic',
            ),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackInputs'),
        ],
    ),
)
optim_wrapper = dict(
    constructor='LayerDecayOptimWrapperConstructor',
    optimizer=dict(
        type='AdamW', lr=1.5e-3, betas=(0.9, 0.95), weight_decay=0.05
    ),
    clip_grad=dict(max_norm=3.0),
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=50),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ReconstructionHook', interval=5),
]
