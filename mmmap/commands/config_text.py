"""The ``config.py`` of a run: short, and made to be read and edited."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .choices import ARCHS, Choices
from .start import Start

_HEAD = '''\
# Written by `mmmap {task}`, yours to edit. To continue or repeat:
#   python tools/train.py {out}/config.py --resume
# What it inherits: {base}
_base_ = 'mmmap::_base_/folders/{task}.py'

work_dir = {work_dir}
images = {images!r}
'''
_NETWORK = '''
backbone = dict(
    arch={arch},
    img_size={crop},
    patch_size={patch},
    pos_embed='sincos',{rest}
)
'''
_LOADER = '''
loader = dict(
    batch_size={batch},
    num_workers={workers},
    persistent_workers={persistent},
)
'''
_SCHEDULE = '''\
optim_wrapper = dict(
    optimizer=dict(lr={lr}),
    paramwise_cfg=dict(layer_decay_rate={layer_decay}),
)
train_cfg = dict(max_epochs={epochs}{val_interval})
'''

_PRETRAIN = '''
model = dict(
    backbone=backbone,
    decoder=dict(
        in_channels={channels},
        grid={grid},
        pos_embed='sincos',
        {decoder},
    ),
    target_generator=dict(patch_size={patch}),
    head=dict(in_channels={decoder_dims}, patch_size={patch}),
)
train_dataloader = dict(
    **loader,
    dataset=dict(
        times={repeat},
        dataset=dict(
            data_prefix=images,
            ann_file=f'{{work_dir}}/train.txt',
            pipeline=[
                _base_.loading,
                dict(
                    _base_.cropping, scale={crop}, crop_ratio_range=(0.4, 1.0)
                ),
                _base_.flip,
                _base_.pack,
            ],
        ),
    ),
)
'''

_SEGMENT = '''
classes = {classes}
palette = {palette}
# Images four times as large are predicted in tiles of this edge, in pixels.
tile = {tile}
model = dict(
    data_preprocessor=dict(
        size=({crop}, {crop}), test_cfg=dict(size_divisor={patch})
    ),
    backbone=backbone,
    neck=dict(in_channels={channels}, stride={patch}, out_strides={strides}),
    decode_head=dict(
        in_channels=[{channels}] * 4,
        channels={heads},
        num_classes=len(classes),
    ),
    auxiliary_head=dict(
        in_channels={channels}, channels={heads}, num_classes=len(classes)
    ),
    test_cfg=dict(crop_size=({crop}, {crop}), stride=({stride}, {stride})),
)
scale = ({longest}, {edge})
data = dict(metainfo=dict(classes=classes, palette=palette))
train_dataloader = dict(
    **loader,
    dataset=dict(
        times={repeat},
        dataset=dict(
            ann_file=f'{{work_dir}}/train.txt',
            data_prefix=dict(
                img_path=images, seg_map_path=f'{{work_dir}}/class_maps'
            ),
            pipeline=[
                _base_.load,
                _base_.annotate,
                dict(_base_.enlarge, scale=scale, ratio_range=(0.8, 1.6)),
                dict(_base_.crop, crop_size=({crop}, {crop})),
                _base_.flip,
                _base_.distort,
                _base_.pack,
            ],
            **data,
        ),
    ),
)
val_dataloader = dict(
    num_workers=loader['num_workers'],
    persistent_workers=loader['persistent_workers'],
    dataset=dict(
        ann_file=f'{{work_dir}}/val.txt',
        data_prefix=dict(
            img_path={val_images}, seg_map_path=f'{{work_dir}}/class_maps'
        ),
        pipeline=[
            _base_.load, dict(_base_.resize, scale=scale), *_base_.rest
        ],
        **data,
    ),
)
test_dataloader = val_dataloader
'''

_DETECT = '''
classes = {classes}
# Images four times as large are predicted in tiles of this edge, in pixels.
tile = {tile}
model = dict(
    {kind}backbone=backbone,
    neck=dict(
        in_channels={channels},
        out_channels={heads},
        stride={patch},
        out_strides={pyramid},
    ),
    rpn_head=dict(in_channels={heads}, feat_channels={heads}),
    roi_head=dict(
        bbox_roi_extractor=dict(
            out_channels={heads}, featmap_strides={pyramid}
        ),
        bbox_head=dict({box_head}
            in_channels={heads},
            num_classes=len(classes),
        ),
        {masks}
    ),{sampling}
)
scale = ({longest}, {edge})
data = dict(metainfo=dict(classes=classes))
annotate = dict(type='LoadAnnotations', with_bbox=True, with_mask={with_masks})
train_dataloader = dict(
    **loader,
    dataset=dict(
        times={repeat},
        dataset=dict(
            ann_file=f'{{work_dir}}/annotations/train.json',
            data_prefix=dict(img=images),
            pipeline=[
                _base_.load,
                annotate,
                dict(_base_.resize, scale=scale),
                _base_.flip,
                _base_.pack,
            ],
            **data,
        ),
    ),
)
val_dataloader = dict(
    num_workers=loader['num_workers'],
    persistent_workers=loader['persistent_workers'],
    dataset=dict(
        ann_file=f'{{work_dir}}/annotations/val.json',
        data_prefix=dict(img={val_images}),
        pipeline=[
            _base_.load,
            dict(_base_.resize_for_test, scale=scale),
            annotate,
            _base_.pack_for_test,
        ],
        **data,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file=f'{{work_dir}}/annotations/val.json', metric={metric}
)
test_evaluator = val_evaluator
'''

_CLASSIFY = '''
classes = {classes}
model = dict(
    data_preprocessor=dict(num_classes=len(classes)),
    backbone=backbone,
    head=dict(in_channels={channels}, num_classes=len(classes)),
)
data = dict(metainfo=dict(classes=classes))
train_dataloader = dict(
    **loader,
    dataset=dict(
        times={repeat},
        dataset=dict(
            data_prefix=images,
            ann_file=f'{{work_dir}}/train.txt',
            pipeline=[
                _base_.load,
                dict(
                    _base_.crop, scale={crop}, crop_ratio_range=(0.25, 1.0)
                ),
                _base_.flip,
                _base_.pack,
            ],
            **data,
        ),
    ),
)
val_dataloader = dict(
    batch_size={batch},
    num_workers=loader['num_workers'],
    persistent_workers=loader['persistent_workers'],
    dataset=dict(
        data_prefix={val_images},
        ann_file=f'{{work_dir}}/val.txt',
        pipeline=[
            _base_.load,
            dict(_base_.resize, scale={larger}),
            dict(_base_.centre, crop_size={crop}),
            _base_.pack,
        ],
        **data,
    ),
)
test_dataloader = val_dataloader
'''
_BODIES = dict(
    pretrain=_PRETRAIN, segment=_SEGMENT, detect=_DETECT, classify=_CLASSIFY
)
# Less of everything, on a CPU: half the time of four convolutions.
_BOX_HEAD = """
            type='Shared2FCBBoxHead',
            fc_out_channels=256,
            reg_class_agnostic=True,"""
_SAMPLING = """
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=200, max_per_img=64),
        rcnn=dict(sampler=dict(num=32)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)),"""
_MASKS = """mask_roi_extractor=dict(
            out_channels={heads}, featmap_strides={pyramid}
        ),
        mask_head=dict({few}
            in_channels={heads},
            conv_out_channels={heads},
            num_classes=len(classes),
        ),"""
_FEW = """
            num_convs=2,
            class_agnostic=True,"""


def config_text(
    task: str,
    out: Path,
    images: Path,
    made: Choices,
    data: Mapping[str, Any],
    start: Start | None = None,
) -> str:
    """The text of a run's ``config.py``.

    Args:
        task: As ``'segment'``.
        out: The folder of the run.
        images: That of the images.
        made: Sizes, network, schedule.
        data: ``classes``, ``palette``, ``tile``, ``val_images`` and
            ``with_masks``, as far as the task has them.
        start: The pretrained backbone.
    """
    values = {**made.values, **_derived(task, made, data, start)}
    head = _HEAD.format(
        task=task,
        out=out,
        base=f'configs/_base_/folders/{task}.py',
        work_dir=_work_dir(out),
        images=str(images),
    )
    parts = [_NETWORK, _LOADER, _BODIES[task], _SCHEDULE]
    return head + ''.join(part.format(**values) for part in parts)


def _derived(task: str, made: Choices, data: Mapping, start) -> dict:
    known = _arch(made.arch)
    edge = made.values.get('edge', 0)
    crop = made.values.get('crop') or max(32, edge // 32 * 32)
    val_images = data.get('val_images')
    values = dict(
        arch=_literal(known['arch']),
        crop=crop,
        channels=known['channels'],
        heads=known['heads'],
        decoder=', '.join(f'{k}={v}' for k, v in known['decoder'].items()),
        decoder_dims=known['decoder']['embed_dims'],
        grid=crop // made.patch,
        persistent=made.workers > 0,
        strides=(4, 8, 8, 16) if made.patch == 8 else (4, 8, 16, 32),
        stride=max(made.patch, crop * 2 // 3),
        longest=max(edge * 8, 2048),
        larger=round(crop * 1.15),
        val_images=repr(str(val_images)) if val_images else 'images',
        val_interval=(
            '' if task == 'pretrain' else f', val_interval={made.val_interval}'
        ),
        rest=_rest(task, known, start),
        classes=_listed(data.get('classes', ())),
        palette=_rows(data.get('palette', ())),
        tile=data.get('tile'),
    )
    if task == 'detect':
        values |= _detector(made, known, data['with_masks'])
    return values


def _detector(made: Choices, known: Mapping, with_masks: bool) -> dict:
    mini = known['heads'] == 64
    # A simple pyramid goes from its stride a step up and two down.
    pyramid = (4, 8, 16) if made.patch == 8 else (4, 8, 16, 32)
    masks = _MASKS.format(
        heads=known['heads'], pyramid=pyramid, few=_FEW if mini else ''
    )
    return dict(
        kind='' if with_masks else "type='FasterRCNN', data_preprocessor="
        'dict(pad_mask=False),\n    ',
        masks=masks
        if with_masks
        else 'mask_roi_extractor=None,\n        mask_head=None,',
        with_masks=with_masks,
        metric=repr(['bbox', 'segm'] if with_masks else 'bbox'),
        pyramid=pyramid,
        box_head=_BOX_HEAD
        if mini
        else f'\n            conv_out_channels={known["heads"]},',
        sampling=_SAMPLING if mini else '',
    )


def _rest(task: str, known: Mapping, start: Start | None) -> str:
    """What a backbone has besides its sizes."""
    lines = []
    if task == 'segment':
        lines.append(f'out_indices={known["outputs"]}')
    if task in ('segment', 'detect'):
        lines.append('drop_path_rate=0.0')
    if task == 'detect' and known['heads'] == 64:
        lines.append('with_cp=False')
    if start is not None:
        lines.append(
            "init_cfg=dict(\n        _delete_=True,\n        type='Pretrained',\n"
            "        checkpoint="
            f"{str(start.checkpoint)!r},\n        prefix='backbone.',\n    )"
        )
    return ''.join(f'\n    {line},' for line in lines)


def _arch(arch: str | Mapping) -> dict:
    """Channels and outputs of an arch: a name, or a dict of another run."""
    if not isinstance(arch, Mapping):
        return ARCHS[arch]
    depth = len(arch['pattern'])
    outputs = tuple(depth * (k + 1) // 4 - 1 for k in range(4))
    channels = arch['embed_dims']
    return dict(ARCHS['mini'], arch=arch, channels=channels, outputs=outputs)


def _literal(arch: str | Mapping) -> str:
    if isinstance(arch, str):
        return repr(arch)
    inside = ', '.join(f'{k}={v!r}' for k, v in arch.items())
    return f'dict(\n        _delete_=True, {inside}\n    )'


def _work_dir(out: Path) -> str:
    """The folder of the config itself, so that a run can be moved."""
    plain = not set(str(out)) & set('\'"\\{}\n')
    return "'{{ fileDirname }}'" if plain else repr(str(out))


def _listed(names) -> str:
    rows = ''.join(f'    {str(name)!r},\n' for name in names)
    return f'(\n{rows})'


def _rows(colours) -> str:
    rows = ''.join(f'    {list(map(int, c))},\n' for c in colours)
    return f'[\n{rows}]'
