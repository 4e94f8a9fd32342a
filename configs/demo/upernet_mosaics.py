# UPerNet on 10 labelled mosaics from the MAP checkpoint of map_mosaics.py.
#
#   python tools/train.py configs/demo/upernet_mosaics.py
_base_ = ['_base_/upernet.py', '_base_/mosaics.py']

model = dict(
    data_preprocessor=dict(size=(64, 64), test_cfg=dict(size_divisor=8)),
    backbone=dict(
        **_base_.backbone,
        init_cfg=dict(checkpoint='work_dirs/map_mosaics/epoch_15.pth'),
    ),
    neck=dict(in_channels=128, stride=8, out_strides=(4, 8, 8, 16)),
    decode_head=dict(
        in_channels=[128] * 4, channels=48, pool_scales=(1, 2), num_classes=8
    ),
    auxiliary_head=dict(in_channels=128, channels=48, num_classes=8),
    test_cfg=dict(_delete_=True, mode='whole'),
)
mosaics = dict(
    type='BaseSegDataset',
    data_root='data/mosaics/ade_like',
    img_suffix='.png',
    seg_map_suffix='.png',
    metainfo=dict(classes=_base_.classes, palette=_base_.palette),
)
load, annotate, _, crop, flip, _, pack = (
    _base_.train_dataloader.dataset.pipeline
)
train_dataloader = dict(
    batch_size=16,
    # 50 steps an epoch, though the images are few.
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=80,
        dataset=dict(
            mosaics,
            indices=10,
            data_prefix=dict(
                img_path='images/training',
                seg_map_path='annotations/training',
            ),
            reduce_zero_label=True,
            pipeline=[
                load,
                annotate,
                # It does not crop scenes.
                dict(crop, crop_size=(64, 64), cat_max_ratio=1.0),
                flip,
                pack,
            ],
        ),
    ),
)
val_dataloader = dict(
    batch_size=50, dataset=dict(pipeline=[load, annotate, pack], **mosaics)
)
test_dataloader = val_dataloader
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
train_cfg = dict(max_epochs=5, val_interval=5)
default_hooks = dict(checkpoint=dict(interval=5))
