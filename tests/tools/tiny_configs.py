"""Demo configs made tiny, for runs of seconds."""

from tests.datasets.points.made import save, shapes
from tests.helpers import REPO

BACKBONE = """
backbone=dict(
    arch=dict(embed_dims=16, pattern='MMMT', num_heads=2, d_state=4),
    img_size=64, {rest})
"""
LOG_EACH_STEP = """
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(interval=1),
)
log_processor = dict(by_epoch=True, window_size=1)
"""

# 20 images, 5 steps an epoch; nothing is random but what is asked for.
MAP = f"""
_base_ = '{REPO}/configs/study/map_digits.py'
model = dict(
    {BACKBONE.format(rest='')},
    decoder=dict(in_channels=16, grid=4, embed_dims=8, depth=1, num_heads=2),
    head=dict(in_channels=8))
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        data_root={{data_root!r}},
        pipeline=[dict(type='LoadImageFromFile'), *{{random}},
                  dict(type='PackInputs')]))
train_cfg = dict(max_epochs=2)
custom_hooks = [*_base_.custom_hooks[:5], *{{hooks}}]
custom_imports = dict(imports=['mmmap', 'tests.tools.tiny_hooks'])
{LOG_EACH_STEP}
"""

# 8 scenes for training, 4 for validation.
UPERNET = f"""
_base_ = '{REPO}/configs/study/upernet_digits.py'
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    {BACKBONE.format(rest='out_indices=(0, 1, 2, 3)')},
    neck=dict(in_channels=16),
    decode_head=dict(in_channels=[16] * 4, channels=8),
    auxiliary_head=dict(in_channels=16, channels=8))
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', reduce_zero_label=True),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackSegInputs')]))
val_dataloader = dict(batch_size=2)
test_dataloader = dict(batch_size=2)
train_cfg = dict(max_epochs=2, val_interval=1)
{LOG_EACH_STEP}
"""

# 20 images for training, 10 for validation, of ten classes.
CLASSIFIER = f"""
_base_ = '{REPO}/configs/study/classifier_imagenette.py'
arch = dict(
    _delete_=True, embed_dims=16, pattern='MMMT', num_heads=2, d_state=4)
model = dict(
    backbone=dict(arch=arch, img_size=64, patch_size=16),
    head=dict(in_channels=16))
loader = dict(batch_size=4, num_workers=0, persistent_workers=False)
train_dataloader = dict(dataset=dict(data_root={{data_root!r}}), **loader)
val_dataloader = dict(dataset=dict(data_root={{data_root!r}}), **loader)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2, val_interval=1)
{LOG_EACH_STEP}
"""

# 20 clouds, 5 steps an epoch; nothing is random but what is asked for.
POINT_MAP = f"""
_base_ = '{REPO}/configs/points/demo/map_shapes69.py'
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True, embed_dims=16, pattern='MMT', num_heads=2,
            d_state=4),
        num_groups=12, group_size=6),
    decoder=dict(in_channels=16, depth=1, num_heads=2),
    head=dict(in_channels=16, group_size=6))
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        data_root={{data_root!r}}, split='all',
        pipeline=[dict(type='PackPoints')]))
train_cfg = dict(max_epochs=2)
custom_hooks = [*_base_.custom_hooks[:5], *{{hooks}}]
custom_imports = dict(imports=['mmmap', 'tests.tools.tiny_hooks'])
{LOG_EACH_STEP}
"""

# One image again and again; every box is sampled, so that nothing is random.
MASK_RCNN = f"""
_base_ = '{REPO}/configs/study/mask-rcnn_digits.py'
model = dict(
    {BACKBONE.format(rest='')},
    neck=dict(in_channels=16),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=100000)),
        rcnn=dict(sampler=dict(num=100000))))
load, annotate, _, pack = _base_.train_dataloader.dataset.pipeline
resize = dict(type='Resize', scale=(64, 64), keep_ratio=True)
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=8,
        dataset=dict(
            _base_.train_dataloader.dataset,
            indices=[0],
            pipeline=[load, annotate, resize, pack])))
train_cfg = dict(max_epochs=2, val_interval=9)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.02, momentum=0.9))
param_scheduler = []
custom_hooks = [*_base_.custom_hooks, dict(type='LossOfEachRankHook')]
custom_imports = dict(imports=['mmmap', 'tests.tools.tiny_hooks'])
{LOG_EACH_STEP}
"""

RANDOM = """[
    dict(type='RandomResizedCrop', scale=64, crop_ratio_range=(0.3, 1.0)),
    dict(type='RandomFlip', prob=0.5)]"""


def map_config(path, data_root, random='[]', hooks='[]', extra=''):
    """Write the config of a tiny MAP pretraining."""
    text = MAP.format(data_root=str(data_root), random=random, hooks=hooks)
    path.write_text(text + extra)
    return path


def classifier_config(path, data_root):
    """Write the config of a tiny classifier from scratch."""
    path.write_text(CLASSIFIER.format(data_root=str(data_root)))
    return path


def point_map_config(path, data_root, hooks='[]', extra=''):
    """Write clouds, and the config of a tiny MAP pretraining on them."""
    save(data_root / 'shapes69_1024.npz', shapes(20))
    text = POINT_MAP.format(data_root=str(data_root), hooks=hooks)
    path.write_text(text + extra)
    return path


def mask_rcnn_config(path, extra=''):
    """Write the config of a tiny Mask R-CNN from scratch."""
    init = 'model["backbone"]["init_cfg"] = None'
    path.write_text(f'{MASK_RCNN}\n{init}\n{extra}')
    return path


def upernet_config(path, checkpoint=None, extra=''):
    """Write the config of a tiny UPerNet, from a checkpoint or scratch."""
    init = 'model["backbone"]["init_cfg"] = '
    if checkpoint:
        init += (
            "dict(_delete_=True, type='Pretrained', prefix='backbone.', "
            f"checkpoint='{checkpoint}')"
        )
    else:
        init += 'None'
    path.write_text(f'{UPERNET}\n{init}\n{extra}')
    return path
