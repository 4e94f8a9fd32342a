# UPerNet on street scenes with the small HybridNet, for comparisons.
#
#   python tools/study.py configs/study/imagenette.yml --data-root DIR
_base_ = '../demo/upernet_camvid.py'

model = dict(
    backbone=dict(
        arch=dict(embed_dims=192, pattern='MMMT' * 3, d_state=16),
        patch_size=8,
        out_indices=(2, 5, 8, 11),
        init_cfg=None,
    ),
    neck=dict(in_channels=192, stride=8, out_strides=(4, 8, 16, 16)),
    decode_head=dict(in_channels=[192] * 4),
    auxiliary_head=dict(in_channels=192),
)
train_dataloader = dict(num_workers=8, persistent_workers=True)
train_cfg = dict(max_epochs=30, val_interval=30)
default_hooks = dict(checkpoint=dict(interval=10))
