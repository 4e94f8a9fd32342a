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
        img_size=144,
        patch_size=6,
        pos_embed='sincos',
        init_cfg=None,
    ),
    neck=dict(stride=6, out_strides=(6, 6, 12, 12)),
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
    dataset=dict(
        _delete_=True, type='RepeatDataset', times=60, dataset=labelled
    ),
)
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1))
