# UPerNet on digit scenes from the MAP checkpoint of map_digits.py.
#
#   python tools/train.py configs/demo/upernet_digits.py
_base_ = '../study/upernet_digits.py'

model = dict(
    backbone=dict(
        arch=dict(embed_dims=128),
        init_cfg=dict(
            _delete_=True,
            type='Pretrained',
            checkpoint='work_dirs/map_digits/epoch_10.pth',
            prefix='backbone.',
        ),
    ),
    neck=dict(in_channels=128),
    decode_head=dict(in_channels=[128] * 4),
    auxiliary_head=dict(in_channels=128),
)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
train_cfg = dict(max_epochs=6, val_interval=3)
default_hooks = dict(checkpoint=dict(interval=1))
