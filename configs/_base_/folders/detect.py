# `mmmap detect`: Mask R-CNN on images with a JSON in COCO format.
_base_ = [
    '../models/mask-rcnn.py',
    '../datasets/coco.py',
    '../runtimes/mmdet.py',
    'schedule.py',
]

model = dict(backbone=dict(init_cfg=None))
load, annotate, resize, flip, pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=1,
        dataset=dict(
            type='CocoDataset',
            filter_cfg=dict(filter_empty_gt=True, min_size=8),
            pipeline=[load, annotate, resize, flip, pack],
        ),
    ),
    batch_sampler=None,
)
_, resize_for_test, truth, pack_for_test = (
    _base_.val_dataloader.dataset.pipeline
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='CocoDataset',
        test_mode=True,
        pipeline=[load, resize_for_test, truth, pack_for_test],
    )
)
test_dataloader = val_dataloader
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(max_keep_ckpts=2)
)
