# 40k iterations of 16 images.
_base_ = 'upernet_60k.py'

auto_scale_lr = dict(base_batch_size=16)
train_cfg = dict(max_iters=40000, val_interval=4000)
warm_up, decay = _base_.param_scheduler
param_scheduler = [warm_up, dict(decay, end=40000)]
