# Mask R-CNN on 20 labelled mosaics from the MAP checkpoint of map_mosaics.py:
# it finds the pieces, whichever photograph they are from.
#
#   python tools/train.py configs/demo/mask-rcnn_mosaics.py
_base_ = ['_base_/mask-rcnn.py', '_base_/mosaics.py']

channels = 48
roi_extractor = dict(
    out_channels=channels, featmap_strides=[4, 8], finest_scale=28
)
model = dict(
    backbone=dict(
        **_base_.backbone,
        init_cfg=dict(checkpoint='work_dirs/map_mosaics/epoch_15.pth'),
    ),
    neck=dict(
        in_channels=128,
        out_channels=channels,
        stride=8,
        out_strides=(4, 8),
        num_outs=2,
    ),
    rpn_head=dict(
        in_channels=channels,
        feat_channels=channels,
        anchor_generator=dict(scales=[5], strides=[4, 8]),
    ),
    roi_head=dict(
        bbox_roi_extractor=roi_extractor,
        bbox_head=dict(
            in_channels=channels, fc_out_channels=128, num_classes=1
        ),
        mask_roi_extractor=roi_extractor,
        mask_head=dict(
            in_channels=channels, conv_out_channels=channels, num_classes=1
        ),
    ),
    train_cfg=dict(rcnn=dict(sampler=dict(num=32))),
    test_cfg=dict(rcnn=dict(max_per_img=20)),
)
mosaics = dict(
    data_root='data/mosaics/coco_like',
    metainfo=dict(classes=('piece',)),
)
load, annotate, _, flip, pack = _base_.train_dataloader.dataset.pipeline
_, resize, truth, pack_for_test = _base_.val_dataloader.dataset.pipeline
train_dataloader = dict(
    batch_size=4,
    # 200 steps an epoch, though the images are few.
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=40,
        dataset=dict(
            mosaics,
            type='CocoDataset',
            indices=20,
            ann_file='annotations/instances_train.json',
            data_prefix=dict(img='train'),
            filter_cfg=dict(filter_empty_gt=True, min_size=8),
            pipeline=[load, annotate, flip, pack],
        ),
    ),
)
val_dataloader = dict(
    batch_size=8,
    dataset=dict(
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='val'),
        pipeline=[load, dict(resize, scale=(64, 64)), truth, pack_for_test],
        **mosaics,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file='data/mosaics/coco_like/annotations/instances_val.json'
)
test_evaluator = val_evaluator
optim_wrapper = dict(
    optimizer=dict(lr=1e-3), paramwise_cfg=dict(layer_decay_rate=1.0)
)
train_cfg = dict(max_epochs=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2))
