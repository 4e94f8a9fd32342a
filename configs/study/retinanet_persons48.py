# RetinaNet for persons with the net of map_imagenette48.py: the photographs in
# COCO's layout that show some, at 192 x 144 pixels, for 10 epochs.
#
#   python tools/study.py configs/study/labels_detect.yml --data-root DIR
_base_ = [
    '../_base_/models/retinanet.py',
    '../_base_/datasets/coco.py',
    '../_base_/runtimes/mmdet.py',
    '../demo/_base_/small.py',
]

small = dict(_base_.small, pattern='MMMT', d_state=8)
model = dict(
    data_preprocessor=dict(pad_size_divisor=6),
    backbone=dict(
        arch=dict(_delete_=True, **small),
        img_size=192,
        patch_size=6,
        pos_embed='sincos',
        drop_path_rate=0.0,
        with_cp=False,
        init_cfg=None,
    ),
    neck=dict(
        in_channels=128,
        out_channels=64,
        stride=6,
        out_strides=(6, 12),
        num_outs=4,
    ),
    bbox_head=dict(
        num_classes=1,
        in_channels=64,
        stacked_convs=2,
        feat_channels=64,
        anchor_generator=dict(strides=[6, 12, 24, 48]),
    ),
)
load, annotate, resize, flip, pack = _base_.train_dataloader.dataset.pipeline
_, _, truth, pack_for_test = _base_.val_dataloader.dataset.pipeline
annotate, truth = (dict(step, with_mask=False) for step in (annotate, truth))
resize = dict(resize, scale=(192, 144))
persons = dict(metainfo=dict(classes=('person',)))
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    dataset=dict(
        filter_cfg=dict(min_size=16),
        pipeline=[load, annotate, resize, flip, pack],
        **persons,
    ),
    **loader,
)
val_dataloader = dict(
    dataset=dict(pipeline=[load, resize, truth, pack_for_test], **persons),
    **loader,
)
test_dataloader = val_dataloader
val_evaluator = dict(metric='bbox')
test_evaluator = val_evaluator
optim_wrapper = dict(
    optimizer=dict(lr=1e-3), paramwise_cfg=dict(layer_decay_rate=0.75)
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=2))
