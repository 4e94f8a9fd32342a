# UPerNet on the small HybridNet, for images of 96 pixels.
_base_ = [
    '../../_base_/models/upernet.py',
    '../../_base_/datasets/ade20k.py',
    '../../_base_/runtimes/mmseg.py',
    'small.py',
]

model = dict(
    data_preprocessor=dict(size=(96, 96), test_cfg=dict(size_divisor=16)),
    backbone=dict(
        arch=dict(_delete_=True, **_base_.small),
        img_size=96,
        out_indices=(0, 1, 2, 3),
        drop_path_rate=0.0,
    ),
    neck=dict(in_channels=128, out_strides=(8, 8, 16, 32)),
    decode_head=dict(in_channels=[128] * 4, channels=64),
    auxiliary_head=dict(in_channels=128, channels=64),
)
train_dataloader = dict(
    batch_size=8,
    sampler=dict(type='DefaultSampler'),
    drop_last=True,
    **_base_.loader,
)
val_dataloader = _base_.loader
test_dataloader = _base_.loader
optim_wrapper = dict(
    optimizer=dict(lr=2e-3), paramwise_cfg=dict(layer_decay_rate=0.95)
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=6, val_interval=3)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
# Short runs are counted in epochs.
default_hooks = dict(
    logger=dict(interval=10, log_metric_by_epoch=True),
    checkpoint=dict(by_epoch=True, interval=1),
)
log_processor = dict(by_epoch=True)
