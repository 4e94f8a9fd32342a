# COCO 2017 with only boxes, the shorter edge at 800 pixels.
_base_ = 'coco.py'

load, _, *rest = _base_.train_dataloader.dataset.pipeline
load_for_test, resize, _, pack_for_test = (
    _base_.val_dataloader.dataset.pipeline
)
boxes = dict(type='LoadAnnotations', with_bbox=True)
train_dataloader = dict(dataset=dict(pipeline=[load, boxes, *rest]))
val_dataloader = dict(
    dataset=dict(pipeline=[load_for_test, resize, boxes, pack_for_test])
)
test_dataloader = val_dataloader
val_evaluator = dict(metric='bbox')
test_evaluator = val_evaluator
