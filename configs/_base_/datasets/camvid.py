# CamVid, 11 classes, 480 x 360 pixels, in crops of 352, in folders as
# ADE20K's layout: images/training, annotations/training, .../validation.
_base_ = ['ade20k.py', 'camvid_classes.py']

load, annotate, resize, crop, *rest = _base_.train_dataloader.dataset.pipeline
_, resize_for_test, *rest_for_test = _base_.val_dataloader.dataset.pipeline
camvid = dict(
    type='BaseSegDataset',
    data_root='data/camvid',
    img_suffix='.jpg',
    seg_map_suffix='.png',
    metainfo=dict(
        classes=_base_.camvid_classes, palette=_base_.camvid_palette
    ),
)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        pipeline=[
            load,
            annotate,
            dict(resize, scale=(480, 360)),
            dict(crop, crop_size=(352, 352)),
            *rest,
        ],
        **camvid,
    ),
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            load,
            dict(resize_for_test, scale=(480, 360)),
            *rest_for_test,
        ],
        **camvid,
    )
)
test_dataloader = val_dataloader
