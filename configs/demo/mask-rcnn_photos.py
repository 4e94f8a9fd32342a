# Mask R-CNN on photographs in COCO format (80 classes), small images, from
# the MAP checkpoint of map_imagenette.py.
#
#   python tools/train.py configs/demo/mask-rcnn_photos.py \
#       --data-root DIR_WITH_COCO_LAYOUT
_base_ = '_base_/mask-rcnn.py'

model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/map_imagenette/epoch_5.pth',
            prefix='backbone.',
        )
    ),
    roi_head=dict(
        bbox_head=dict(num_classes=80), mask_head=dict(num_classes=80)
    ),
    test_cfg=dict(rcnn=dict(max_per_img=100)),
)
dataset = dict(type='CocoDataset', data_root='data/coco')
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(
        ann_file='annotations/instances_train2017.json',
        data_prefix=dict(img='train2017'),
        filter_cfg=dict(filter_empty_gt=True, min_size=16),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            dict(type='Resize', scale=(256, 192), keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackDetInputs'),
        ],
        **dataset,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017'),
        test_mode=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(256, 192), keep_ratio=True),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            dict(
                type='PackDetInputs',
                meta_keys=(
                    'img_id',
                    'img_path',
                    'ori_shape',
                    'img_shape',
                    'scale_factor',
                ),
            ),
        ],
        **dataset,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='CocoMetric', metric=['bbox', 'segm'])
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=3, val_interval=3)
