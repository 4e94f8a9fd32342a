# COCO 2017 with only boxes, half of the images cropped first, as in DETR.
_base_ = 'coco_boxes.py'

load, annotate, _, flip, pack = _base_.train_dataloader.dataset.pipeline
resize = dict(
    type='RandomChoiceResize',
    scales=[(edge, 1333) for edge in range(480, 801, 32)],
    keep_ratio=True,
)
resize_and_crop = [
    dict(resize, scales=[(400, 4200), (500, 4200), (600, 4200)]),
    dict(
        type='RandomCrop',
        crop_type='absolute_range',
        crop_size=(384, 600),
        allow_negative_crop=True,
    ),
    resize,
]
train_dataloader = dict(
    dataset=dict(
        filter_cfg=dict(filter_empty_gt=False),
        pipeline=[
            load,
            annotate,
            flip,
            dict(type='RandomChoice', transforms=[[resize], resize_and_crop]),
            pack,
        ],
    )
)
