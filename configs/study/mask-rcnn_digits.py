# Mask R-CNN on digit scenes, for tests.
#
#   python tools/train.py configs/study/mask-rcnn_digits.py
_base_ = '../demo/_base_/mask-rcnn.py'

classes = tuple(str(digit) for digit in range(3))
model = dict(
    backbone=dict(
        init_cfg=dict(checkpoint='work_dirs/map_digits/epoch_10.pth')
    ),
    roi_head=dict(
        bbox_head=dict(num_classes=3), mask_head=dict(num_classes=3)
    ),
    test_cfg=dict(rcnn=dict(max_per_img=20)),
)
digits = dict(
    data_root='data/digits/coco_like', metainfo=dict(classes=classes)
)
load, annotate, _, _, pack = _base_.train_dataloader.dataset.pipeline
_, resize, truth, pack_for_test = _base_.val_dataloader.dataset.pipeline
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='train'),
        filter_cfg=dict(min_size=8),
        pipeline=[
            load,
            annotate,
            dict(
                type='RandomResize',
                scale=(96, 96),
                ratio_range=(0.8, 1.25),
                keep_ratio=True,
            ),
            # Not flipped: that would change the digits.
            pack,
        ],
        **digits,
    ),
)
val_dataloader = dict(
    batch_size=8,
    dataset=dict(
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='val'),
        pipeline=[load, dict(resize, scale=(96, 96)), truth, pack_for_test],
        **digits,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file='data/digits/coco_like/annotations/instances_val.json'
)
test_evaluator = val_evaluator
