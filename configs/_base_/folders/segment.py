# `mmmap segment`: UPerNet on a list of images and their class maps.
_base_ = [
    '../models/upernet.py',
    '../datasets/ade20k.py',
    '../runtimes/mmseg.py',
    'schedule.py',
]

# One process: nothing to synchronise.
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    backbone=dict(init_cfg=None),
    decode_head=dict(norm_cfg=norm_cfg),
    auxiliary_head=dict(norm_cfg=norm_cfg),
)
# Names in the list have their suffix; a class map is NAME.jpg.png.
listed = dict(
    type='BaseSegDataset',
    img_suffix='',
    seg_map_suffix='.png',
    reduce_zero_label=False,
)
load, annotate, enlarge, crop, flip, distort, pack = (
    _base_.train_dataloader.dataset.pipeline
)
train_dataloader = dict(
    sampler=dict(type='DefaultSampler'),
    drop_last=True,
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=1,
        dataset=dict(
            **listed,
            pipeline=[load, annotate, enlarge, crop, flip, distort, pack],
        ),
    ),
)
_, resize, *rest = _base_.val_dataloader.dataset.pipeline
val_dataloader = dict(
    dataset=dict(_delete_=True, **listed, pipeline=[load, resize, *rest])
)
test_dataloader = val_dataloader
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
# Counted in epochs.
default_hooks = dict(
    logger=dict(interval=10, log_metric_by_epoch=True),
    checkpoint=dict(by_epoch=True, interval=1, max_keep_ckpts=2),
)
log_processor = dict(by_epoch=True)
