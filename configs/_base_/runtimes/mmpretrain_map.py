# Pretraining: weights averaged over time, pictures of what is rebuilt.
_base_ = 'mmpretrain.py'

custom_hooks = [
    *_base_.custom_hooks,
    # A decay of 0.99996; a checkpoint's state_dict holds the average.
    dict(type='EMAHook', momentum=4e-5),
    dict(type='ReconstructionHook', interval=10),
    dict(type='FeatureMonitorHook', interval=10),
]
