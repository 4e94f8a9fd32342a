# A linear layer on the frozen tiny HybridNet: classes of places in digit
# scenes, for comparisons.
#
#   python tools/study.py configs/study/digits.yml --data-root data/digits
_base_ = 'upernet_digits.py'

model = dict(
    backbone=dict(frozen_stages=4, out_indices=(3,)),
    neck=None,
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=64,
        channels=64,
        in_index=0,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=4,
        norm_cfg=None,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss'),
    ),
    auxiliary_head=None,
)
optim_wrapper = dict(optimizer=dict(lr=2e-2, weight_decay=0.0))
train_cfg = dict(max_epochs=3, val_interval=3)
default_hooks = dict(checkpoint=dict(interval=3))
