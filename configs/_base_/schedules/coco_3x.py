# 36 epochs of COCO with batches of 16.
_base_ = 'coco_1x.py'

train_cfg = dict(max_epochs=36, val_interval=3)
warm_up, steps = _base_.param_scheduler
param_scheduler = [warm_up, dict(steps, milestones=[27, 33])]
