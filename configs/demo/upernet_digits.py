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
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/map_digits/epoch_10.pth',
            prefix='backbone.',
        )
    ),
    decode_head=dict(num_classes=4),
    auxiliary_head=dict(num_classes=4),
)
dataset = dict(
    type='BaseSegDataset',
    data_root='data/digits/ade_like',
    img_suffix='.png',
    seg_map_suffix='.png',
    reduce_zero_label=True,
    metainfo=dict(classes=classes, palette=palette),
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    dataset=dict(
        data_prefix=dict(
            img_path='images/training', seg_map_path='annotations/training'
        ),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', reduce_zero_label=True),
            dict(
                type='RandomResize',
                scale=(96, 96),
                ratio_range=(0.9, 1.3),
                keep_ratio=True,
            ),
            dict(type='RandomCrop', crop_size=(96, 96)),
            dict(type='PackSegInputs'),
        ],
        **dataset,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        data_prefix=dict(
            img_path='images/validation',
            seg_map_path='annotations/validation',
        ),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', reduce_zero_label=True),
            dict(type='PackSegInputs'),
        ],
        **dataset,
    ),
)
test_dataloader = val_dataloader
