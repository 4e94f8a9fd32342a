# A template for your own data in COCO's format: Mask R-CNN on HybridNet-T, 1x
# schedule, from MAP. Copy it and name your classes as the categories of the
# annotation files do.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmdet/mask-rcnn_map-tiny_8xb2-1x_own.py 8
#
# Options: README.md.
_base_ = 'mask-rcnn_map-tiny_8xb2-1x_coco.py'

classes = ('first thing', 'second thing')
own = dict(
    data_root='data/own',
    metainfo=dict(classes=classes, palette=[(220, 20, 60), (0, 130, 180)]),
)
train_dataloader = dict(
    dataset=dict(
        ann_file='annotations/train.json',
        data_prefix=dict(img='train/'),
        **own,
    )
)
val_dataloader = dict(
    dataset=dict(
        ann_file='annotations/val.json', data_prefix=dict(img='val/'), **own
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file='data/own/annotations/val.json')
test_evaluator = val_evaluator
model = dict(
    roi_head=dict(
        bbox_head=dict(num_classes=len(classes)),
        mask_head=dict(num_classes=len(classes)),
    )
)
