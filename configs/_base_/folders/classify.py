# `mmmap classify`: a linear layer on HybridNet, on a list of labelled images.
_base_ = [
    '../models/classifier.py',
    '../datasets/imagenet.py',
    '../runtimes/mmpretrain.py',
    'schedule.py',
]

model = dict(
    backbone=dict(init_cfg=None),
    head=dict(topk=1),
)
load, crop, flip, pack = _base_.train_dataloader.dataset.pipeline
_, resize, centre, _ = _base_.val_dataloader.dataset.pipeline
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=1,
        dataset=dict(type='CustomDataset', pipeline=[load, crop, flip, pack]),
    ),
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        pipeline=[load, resize, centre, pack],
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='Accuracy', topk=1)
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='accuracy/top1'),
)
