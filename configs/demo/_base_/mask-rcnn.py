# Mask R-CNN on the small HybridNet, for images of about 100 pixels.
_base_ = [
    '../../_base_/models/mask-rcnn.py',
    '../../_base_/datasets/coco.py',
    '../../_base_/runtimes/mmdet.py',
    'small.py',
]

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, **_base_.small),
        img_size=96,
        drop_path_rate=0.0,
        with_cp=False,
    ),
    neck=dict(in_channels=128, out_channels=64),
    rpn_head=dict(
        in_channels=64,
        feat_channels=64,
        num_convs=1,
        anchor_generator=dict(scales=[6]),
    ),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64, finest_scale=28),
        # Half the time of four convolutions, on a CPU.
        bbox_head=dict(
            type='Shared2FCBBoxHead',
            in_channels=64,
            fc_out_channels=256,
            reg_class_agnostic=True,
        ),
        mask_roi_extractor=dict(out_channels=64, finest_scale=28),
        mask_head=dict(
            num_convs=2,
            in_channels=64,
            conv_out_channels=64,
            class_agnostic=True,
        ),
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=200, max_per_img=64),
        rcnn=dict(sampler=dict(num=32)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)),
)
train_dataloader = _base_.loader
val_dataloader = _base_.loader
test_dataloader = _base_.loader
optim_wrapper = dict(
    optimizer=dict(lr=2e-3), paramwise_cfg=dict(layer_decay_rate=0.9)
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2, val_interval=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(logger=dict(interval=10))
