"""A tiny training of each library, random in all that it does."""

from tests.tools.tiny_configs import (
    RANDOM,
    map_config,
    mask_rcnn_config,
    upernet_config,
)

# Epochs, with a moving average beside the weights.
MMPRETRAIN = """
randomness = dict(seed=3)
train_cfg = dict(max_epochs=6)
custom_hooks += [dict(type='EMAHook', momentum=0.05)]
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2))
"""
# Iterations, validations, the best kept; dropout and drop path are random.
MMSEG = """
randomness = dict(seed=3)
model['backbone']['drop_path_rate'] = 0.2
train_dataloader['sampler'] = dict(
    type='InfiniteSampler', shuffle=True, _delete_=True)
train_dataloader['dataset']['data_root'] = {root!r}
val_dataloader['dataset'] = dict(data_root={root!r})
train_cfg = dict(
    _delete_=True, type='IterBasedTrainLoop', max_iters=18, val_interval=6)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=9)]
default_hooks = dict(
    logger=dict(interval=1, log_metric_by_epoch=False),
    checkpoint=dict(by_epoch=False, interval=3, max_keep_ckpts=1,
                    save_best='mIoU'))
"""
# Epochs; which boxes are sampled is random.
MMDET = """
randomness = dict(seed=3)
train_dataloader['dataset']['dataset']['data_root'] = {root!r}
train_dataloader['dataset']['dataset']['indices'] = 4
val_dataloader = dict(dataset=dict(data_root={root!r}))
val_evaluator = dict(ann_file='{root}/annotations/instances_val.json')
train_dataloader['dataset']['dataset']['pipeline'].insert(
    3, dict(type='RandomFlip', prob=0.5))
model['train_cfg'] = dict(
    rpn=dict(sampler=dict(num=16)), rcnn=dict(sampler=dict(num=16)))
train_cfg = dict(max_epochs=6, val_interval=3)
custom_hooks = [*_base_.custom_hooks]
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2))
"""


def write_configs(folder, data):
    """The config of each library, by its name."""

    def extra(text, layout):
        return text.format(root=str(data / layout))

    return dict(
        mmpretrain=map_config(
            folder / 'mmpretrain.py',
            data / 'imagenet_like',
            RANDOM,
            extra=MMPRETRAIN,
        ),
        mmseg=upernet_config(
            folder / 'mmseg.py', extra=extra(MMSEG, 'ade_like')
        ),
        mmdet=mask_rcnn_config(folder / 'mmdet.py', extra(MMDET, 'coco_like')),
    )
