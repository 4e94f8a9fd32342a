# MAP pretraining of a small HybridNet on photographs, for comparisons.
#
#   python tools/study.py configs/study/imagenette.yml --data-root DIR
_base_ = '../demo/map_imagenette.py'

model = dict(
    backbone=dict(
        arch=dict(embed_dims=192, pattern='MMMT' * 3, d_state=16),
        patch_size=8,
    ),
    decoder=dict(in_channels=192, grid=12, embed_dims=96),
    target_generator=dict(patch_size=8),
    head=dict(in_channels=96, patch_size=8),
)
train_dataloader = dict(
    batch_size=128, num_workers=8, persistent_workers=True, drop_last=True
)
train_cfg = dict(max_epochs=40)
default_hooks = dict(checkpoint=dict(interval=10))
