# MAP pretraining of the small HybridNet, for images of 96 pixels.
_base_ = [
    '../../_base_/models/map.py',
    '../../_base_/datasets/imagenet_map.py',
    '../../_base_/runtimes/mmpretrain.py',
    'small.py',
]

model = dict(
    backbone=dict(arch=dict(_delete_=True, **_base_.small), img_size=96),
    decoder=dict(in_channels=128, grid=6, embed_dims=64, depth=2, num_heads=4),
    head=dict(in_channels=64),
)
load, crop, flip, pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        data_prefix='train',
        pipeline=[load, dict(crop, scale=96), flip, pack],
    ),
    **_base_.loader,
)
optim_wrapper = dict(optimizer=dict(lr=1.5e-3, betas=(0.9, 0.95)))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=1))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ReconstructionHook', interval=5),
    dict(type='FeatureMonitorHook', interval=5),
]
