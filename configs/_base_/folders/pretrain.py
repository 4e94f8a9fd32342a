# `mmmap pretrain`: MAP on a list of images without labels.
_base_ = [
    '../models/map.py',
    '../datasets/imagenet_map.py',
    '../runtimes/mmpretrain.py',
    'schedule.py',
]

loading, cropping, flip, pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=1,
        dataset=dict(
            type='CustomDataset',
            with_label=False,
            pipeline=[loading, cropping, flip, pack],
        ),
    ),
)
optim_wrapper = dict(optimizer=dict(betas=(0.9, 0.95)))
train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=10)
default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(interval=1, max_keep_ckpts=2)
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ReconstructionHook', interval=5),
    dict(type='FeatureMonitorHook', interval=5),
]
