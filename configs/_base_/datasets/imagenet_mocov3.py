# ImageNet-1K for contrastive pretraining: two views of each image, distorted
# as in MoCo v3 with a plain backbone.
_base_ = 'imagenet_map.py'

load, crop, flip, pack = _base_.train_dataloader.dataset.pipeline
start = [
    dict(crop, crop_ratio_range=(0.08, 1.0)),
    dict(
        type='RandomApply',
        transforms=[
            dict(
                type='ColorJitter',
                brightness=0.4,
                contrast=0.4,
                saturation=0.2,
                hue=0.1,
            )
        ],
        prob=0.8,
    ),
    dict(
        type='RandomGrayscale',
        prob=0.2,
        keep_channels=True,
        channel_weights=(0.114, 0.587, 0.2989),
    ),
]
blur = dict(
    type='GaussianBlur', magnitude_range=(0.1, 2.0), magnitude_std='inf'
)
# One view is always blurred; the other seldom, but may be solarized.
views = [
    [*start, dict(blur, prob=1.0), flip],
    [
        *start,
        dict(blur, prob=0.1),
        dict(type='Solarize', thr=128, prob=0.2),
        flip,
    ],
]
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            load,
            dict(type='MultiView', num_views=[1, 1], transforms=views),
            pack,
        ]
    )
)
