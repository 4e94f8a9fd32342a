# UPerNet on digit scenes from the MAP checkpoint of map_digits.py.
#
#   python tools/train.py configs/demo/upernet_digits.py
_base_ = '_base_/upernet.py'

classes = ('background', *(str(digit) for digit in range(3)))
palette = [
    [60, 60, 60],
    [230, 25, 75],
    [60, 180, 75],
    [0, 130, 200],
]
model = dict(
    backbone=dict(
        init_cfg=dict(checkpoint='work_dirs/map_digits/epoch_10.pth')
    ),
    decode_head=dict(num_classes=4),
    auxiliary_head=dict(num_classes=4),
    test_cfg=dict(_delete_=True, mode='whole'),
)
digits = dict(
    type='BaseSegDataset',
    data_root='data/digits/ade_like',
    img_suffix='.png',
    seg_map_suffix='.png',
    metainfo=dict(classes=classes, palette=palette),
)
load, annotate, resize, _, _, _, pack = (
    _base_.train_dataloader.dataset.pipeline
)
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            load,
            annotate,
            dict(resize, scale=(96, 96), ratio_range=(0.9, 1.3)),
            dict(type='RandomCrop', crop_size=(96, 96)),
            # Not flipped: a digit has its left and its right.
            pack,
        ],
        **digits,
    ),
)
val_dataloader = dict(
    batch_size=8, dataset=dict(pipeline=[load, annotate, pack], **digits)
)
test_dataloader = val_dataloader
