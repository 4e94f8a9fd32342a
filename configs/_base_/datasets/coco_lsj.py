# COCO 2017 with large-scale jitter: squares of 1024 pixels.
_base_ = 'coco.py'

load, annotate, _, flip, pack = _base_.train_dataloader.dataset.pipeline
_, resize, truth, pack_for_test = _base_.val_dataloader.dataset.pipeline
# The mean colour, which becomes 0.
pad = dict(type='Pad', size=(1024, 1024), pad_val=dict(img=(104, 116, 124)))
train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    dataset=dict(
        pipeline=[
            load,
            annotate,
            flip,
            dict(
                type='RandomResize',
                scale=(1024, 1024),
                ratio_range=(0.1, 2.0),
                keep_ratio=True,
            ),
            dict(
                type='RandomCrop',
                crop_size=(1024, 1024),
                crop_type='absolute_range',
                recompute_bbox=True,
                allow_negative_crop=True,
            ),
            dict(type='FilterAnnotations', min_gt_bbox_wh=(1e-2, 1e-2)),
            pad,
            pack,
        ]
    ),
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            load,
            dict(resize, scale=(1024, 1024)),
            pad,
            truth,
            pack_for_test,
        ]
    )
)
test_dataloader = val_dataloader
