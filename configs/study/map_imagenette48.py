# MAP pretraining of a HybridNet of 0.5 M parameters on photographs of 48
# pixels, for studies on a CPU.
#
#   python tools/study.py configs/study/labels.yml --data-root DIR
_base_ = 'map_imagenette.py'

model = dict(
    backbone=dict(
        arch=dict(embed_dims=128, pattern='MMMT', d_state=8),
        img_size=48,
        patch_size=6,
        pos_embed='sincos',
    ),
    decoder=dict(in_channels=128, grid=8, embed_dims=64, pos_embed='sincos'),
    target_generator=dict(patch_size=6),
    head=dict(in_channels=64, patch_size=6),
)
load, crop, flip, pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        pipeline=[
            dict(load, type='LoadImageOnce'),
            dict(crop, scale=48),
            flip,
            pack,
        ]
    ),
)
train_cfg = dict(max_epochs=15)
default_hooks = dict(checkpoint=dict(interval=15))
# Each run is measured by its tasks.
custom_hooks = [
    hook for hook in _base_.custom_hooks if hook.type != 'FeatureMonitorHook'
]
