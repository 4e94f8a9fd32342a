# 12 epochs of COCO with batches of 16, DINO's clipping and decay.
_base_ = 'coco_1x.py'

optim_wrapper = dict(
    optimizer=dict(weight_decay=1e-4), clip_grad=dict(max_norm=0.1)
)
warm_up, steps = _base_.param_scheduler
param_scheduler = [warm_up, dict(steps, milestones=[11])]
