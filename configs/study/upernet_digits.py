# UPerNet on the tiny HybridNet, on digit scenes, for comparisons.
#
#   python tools/study.py configs/study/digits.yml --data-root data/digits
_base_ = '../demo/_base_/upernet.py'

classes = ('background', *(str(digit) for digit in range(3)))
palette = [
    [60, 60, 60],
    [230, 25, 75],
    [60, 180, 75],
    [0, 130, 200],
]
model = dict(
    backbone=dict(arch=dict(embed_dims=64), init_cfg=None),
    neck=dict(in_channels=64),
    decode_head=dict(in_channels=[64] * 4, num_classes=4),
    auxiliary_head=dict(in_channels=64, num_classes=4),
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
            # Not flipped: that would change the digits.
            pack,
        ],
        **digits,
    ),
)
val_dataloader = dict(
    batch_size=8, dataset=dict(pipeline=[load, annotate, pack], **digits)
)
test_dataloader = val_dataloader
# With half of this rate a seed may stay at the background for 4 epochs.
optim_wrapper = dict(optimizer=dict(lr=4e-3))
train_cfg = dict(max_epochs=5, val_interval=5)
default_hooks = dict(checkpoint=dict(interval=5))
