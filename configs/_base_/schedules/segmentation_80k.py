# 80k iterations of 16 images.
_base_ = 'upernet_60k.py'

auto_scale_lr = dict(base_batch_size=16)
train_cfg = dict(max_iters=80000, val_interval=8000)
warm_up, decay = _base_.param_scheduler
param_scheduler = [warm_up, dict(decay, end=80000)]
