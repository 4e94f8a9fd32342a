# 100 epochs of COCO with batches of 64: ViTDet's, whose 184,375 iterations
# step down at 163,889 and 177,546.
_base_ = 'coco_1x.py'

auto_scale_lr = dict(base_batch_size=64)
train_cfg = dict(max_epochs=100, val_interval=5)
warm_up, steps = _base_.param_scheduler
param_scheduler = [
    dict(warm_up, end=250),
    dict(steps, milestones=[89, 96]),
]
