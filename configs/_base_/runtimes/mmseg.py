# What segmentation shares beyond the model and the data: it counts iterations.
_base_ = '../mmmap.py'

default_scope = 'mmseg'
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    checkpoint=dict(
        type='CheckpointHook',
        by_epoch=False,
        interval=6000,
        max_keep_ckpts=3,
        save_best='mIoU',
    ),
)
log_processor = dict(by_epoch=False)
env_cfg = dict(cudnn_benchmark=True)
visualizer = dict(
    type='SegLocalVisualizer',
    vis_backends=[dict(type='LocalVisBackend')],
    name='visualizer',
)
