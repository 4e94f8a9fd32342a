# What classification and pretraining share beyond the model and the data.
_base_ = '../mmmap.py'

default_scope = 'mmpretrain'
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=100),
    checkpoint=dict(type='CheckpointHook', interval=10, max_keep_ckpts=3),
)
env_cfg = dict(cudnn_benchmark=True)
visualizer = dict(
    type='UniversalVisualizer', vis_backends=[dict(type='LocalVisBackend')]
)
