# Cityscapes, 19 classes, in crops of 512 x 1024 pixels. The class maps
# *_gtFine_labelTrainIds.png come from cityscapesscripts.
_base_ = 'ade20k.py'

load, annotate, resize, crop, *rest = _base_.train_dataloader.dataset.pipeline
_, resize_for_test, *rest_for_test = _base_.val_dataloader.dataset.pipeline
cityscapes = dict(
    type='CityscapesDataset',
    data_root='data/cityscapes',
    img_suffix='_leftImg8bit.png',
    seg_map_suffix='_gtFine_labelTrainIds.png',
    reduce_zero_label=False,
)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        data_prefix=dict(
            img_path='leftImg8bit/train', seg_map_path='gtFine/train'
        ),
        pipeline=[
            load,
            annotate,
            dict(resize, scale=(2048, 1024)),
            dict(crop, crop_size=(512, 1024)),
            *rest,
        ],
        **cityscapes,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_prefix=dict(
            img_path='leftImg8bit/val', seg_map_path='gtFine/val'
        ),
        pipeline=[
            load,
            dict(resize_for_test, scale=(2048, 1024)),
            *rest_for_test,
        ],
        **cityscapes,
    )
)
test_dataloader = val_dataloader
