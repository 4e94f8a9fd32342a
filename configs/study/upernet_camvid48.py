# UPerNet on street scenes with the net of map_imagenette48.py: 37 of the 367
# training images, about 1,100 steps of two crops.
#
#   python tools/study.py configs/study/labels_dense.yml --data-root DIR
_base_ = '../demo/upernet_camvid.py'

model = dict(
    data_preprocessor=dict(
        size=(144, 144), test_cfg=dict(_delete_=True, size_divisor=6)
    ),
    backbone=dict(
        arch=dict(embed_dims=128, pattern='MMMT', d_state=8),
        img_size=144,
        patch_size=6,
        pos_embed='sincos',
        init_cfg=None,
    ),
    neck=dict(in_channels=128, stride=6, out_strides=(6, 6, 12, 12)),
    decode_head=dict(in_channels=[128] * 4),
    auxiliary_head=dict(in_channels=128),
    test_cfg=dict(_delete_=True, mode='whole'),
)
load, annotate, resize, crop, flip, distort, pack = (
    _base_.train_dataloader.dataset.pipeline
)
# A tenth of the images, another one with each fold.
labelled = dict(
    type='mmpretrain.KFoldDataset',
    num_splits=10,
    fold=0,
    test_mode=True,
    seed=0,
    dataset=dict(
        _base_.train_dataloader.dataset,
        pipeline=[
            load,
            annotate,
            resize,
            dict(crop, crop_size=(144, 144)),
            flip,
            distort,
            pack,
        ],
    ),
)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        _delete_=True, type='RepeatDataset', times=60, dataset=labelled
    ),
)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1))
