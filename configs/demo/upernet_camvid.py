# UPerNet on street scenes (CamVid, 11 classes) at half resolution, from the
# MAP checkpoint of map_imagenette.py.
#
#   python tools/train.py configs/demo/upernet_camvid.py \
#       --data-root DIR_OF_CAMVID
_base_ = ['_base_/upernet.py', '../_base_/datasets/camvid_classes.py']

model = dict(
    data_preprocessor=dict(size=(160, 160)),
    backbone=dict(
        init_cfg=dict(checkpoint='work_dirs/map_imagenette/epoch_5.pth')
    ),
    decode_head=dict(num_classes=11),
    auxiliary_head=dict(num_classes=11),
    test_cfg=dict(crop_size=(160, 160), stride=(80, 80)),
)
camvid = dict(
    type='BaseSegDataset',
    data_root='data/camvid',
    img_suffix='.jpg',
    seg_map_suffix='.png',
    metainfo=dict(
        classes=_base_.camvid_classes, palette=_base_.camvid_palette
    ),
)
load, annotate, random_resize, crop, flip, distort, pack = (
    _base_.train_dataloader.dataset.pipeline
)
_, resize, *rest = _base_.val_dataloader.dataset.pipeline
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            load,
            annotate,
            dict(random_resize, scale=(240, 180), ratio_range=(0.9, 1.6)),
            dict(crop, crop_size=(160, 160)),
            flip,
            distort,
            pack,
        ],
        **camvid,
    ),
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[load, dict(resize, scale=(240, 180)), *rest], **camvid
    )
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=6, val_interval=6)
