# A linear layer on the last map of a frozen HybridNet-S, to judge the
# pretraining alone. Another size changes `arch`, `frozen_stages` (its number
# of blocks), the channels and the checkpoint.
_base_ = 'upernet.py'

model = dict(
    backbone=dict(out_indices=-1, frozen_stages=32, drop_path_rate=0.0),
    neck=None,
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=384,
        in_index=0,
        channels=384,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=150,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
    auxiliary_head=None,
)
