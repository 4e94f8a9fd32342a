"""The ``config.py`` of a run: short, for users to read and edit."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .choices import ARCHS, Choices
from .config_templates import (
    BODIES,
    BOX_HEAD,
    CHANNELS,
    FPN,
    HEAD,
    LOADER,
    MAMBA_VISION,
    MASKS,
    MINI_MASK_HEAD,
    NETWORK,
    SAMPLING,
    SCHEDULE,
    SIMPLE,
)
from .opened import CONFIG
from .start import Start


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
        task: For example ``'segment'``.
        out: The folder of the run.
        images: That of the images.
        made: Sizes, network, schedule.
        data: ``classes``, ``palette``, ``tile``, ``val_images``,
            ``with_masks`` and, where all channels are read, what
            ``statistics`` found, as far as there are such.
        start: The pretrained backbone.
    """
    values = {**made.values, **_derived(task, made, data, start)}
    head = HEAD.format(
        task=task,
        config=shlex.quote(str(out / CONFIG)),
        base=f'configs/_base_/folders/{task}.py',
        work_dir=_work_dir(out),
        images=str(images),
    )
    network = MAMBA_VISION if _stages(start) else NETWORK
    parts = [network, LOADER, BODIES[task], SCHEDULE]
    if 'mean' in data:
        parts.insert(0, CHANNELS)
    return head + ''.join(part.format(**values) for part in parts)


def _derived(task: str, made: Choices, data: Mapping, start) -> dict:
    stages = _stages(start)
    known = dict(ARCHS['tiny'], arch=made.arch) if stages else _arch(made.arch)
    if stages:
        known['channels'] = stages[-1]
    strides = (4, 8, 8, 16) if made.patch == 8 else (4, 8, 16, 32)
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
        strides=strides,
        stages=stages or f'[{known["channels"]}] * 4',
        third=stages[2] if stages else known['channels'],
        pos_embed=start.backbone.get('pos_embed', 'normal')
        if start
        else 'sincos',
        neck='None'
        if stages
        else f'dict(\n        in_channels={known["channels"]}, '
        f'stride={made.patch}, out_strides={strides}\n    )',
        stride=max(made.patch, crop * 2 // 3),
        longest=max(edge * 8, 2048),
        larger=round(crop * 1.15),
        val_images=repr(str(val_images)) if val_images else 'images',
        val_interval=(
            '' if task == 'pretrain' else f', val_interval={made.val_interval}'
        ),
        rest=_rest(task, known, start, len(data.get('mean') or (0,) * 3)),
        classes=_listed(data.get('classes', ())),
        palette=_rows(data.get('palette', ())),
        tile=data.get('tile'),
    )
    values |= _reading(task, data)
    if task == 'detect':
        values |= _detector(made, known, data['with_masks'])
        neck = FPN if stages else SIMPLE
        outs = len(values['pyramid'])
        outs += not _mini(known)
        values['neck'] = neck.format(**values, patch=made.patch, outs=outs)
        values['kind'] = _kind(data['with_masks'], 'mean' in data)
    return values


def _reading(task: str, data: Mapping) -> dict:
    """How images are read: as 8-bit colour, or with all their channels."""
    if 'mean' not in data:
        base = '_base_.loading' if task == 'pretrain' else '_base_.load'
        distort = '                _base_.distort,\n'
        none = dict.fromkeys(('backend', 'and_backend', 'normal', 'outputs'))
        return {**dict.fromkeys(none, ''), 'load': base, 'distort': distort}
    number = len(data['mean'])
    normal = dict(
        pretrain='\n    data_preprocessor=normal,',
        segment='\n        **normal,',
        classify=', **normal',
    )
    return dict(
        load='load',
        inputs=number,
        dtype=data['dtype'],
        order='red, green, blue'
        if number == 3
        else 'in the order third, second, first channel, and the others'
        if number > 3
        else 'in the order of the file',
        swap=number == 3,
        mean=data['mean'],
        std=data['std'],
        swapped='to_rgb' if task == 'classify' else 'bgr_to_rgb',
        normal=normal.get(task, ''),
        # Pillow has neither other numbers of channels nor floats.
        backend="\n                    backend='cv2',",
        and_backend=", backend='cv2'",
        # It is of colours.
        distort='',
        outputs='' if number == 3 else f', out_channels={number}',
    )


def _kind(with_masks: bool, normal: bool) -> str:
    """The type of a detector, and what prepares its images."""
    settings = ['**normal'] if normal else []
    if not with_masks:
        settings.insert(0, 'pad_mask=False')
    kind = '' if with_masks else "type='FasterRCNN', "
    if not settings:
        return ''
    return f'{kind}data_preprocessor=dict({", ".join(settings)}),\n    '


def _stages(start: Start | None) -> list[int] | None:
    """Channels of the stages of a MambaVision; None of a HybridNet."""
    if start is None or start.kind != 'MambaVision':
        return None
    from ..models.backbones.mamba_vision_arch import STAGES, settings_of

    dims = settings_of(start.backbone['arch'])['embed_dims']
    return [dims * 2**index for index in range(STAGES)]


def _mini(known: Mapping) -> bool:
    return known['heads'] == 64


def _detector(made: Choices, known: Mapping, with_masks: bool) -> dict:
    mini = _mini(known)
    # A simple pyramid goes from its stride a step up and two down.
    pyramid = (4, 8, 16) if made.patch == 8 else (4, 8, 16, 32)
    masks = MASKS.format(
        heads=known['heads'],
        pyramid=pyramid,
        mini=MINI_MASK_HEAD if mini else '',
    )
    return dict(
        masks=masks
        if with_masks
        else 'mask_roi_extractor=None,\n        mask_head=None,',
        with_masks=with_masks,
        metric=repr(['bbox', 'segm'] if with_masks else 'bbox'),
        pyramid=pyramid,
        box_head=BOX_HEAD
        if mini
        else f'\n            conv_out_channels={known["heads"]},',
        sampling=SAMPLING if mini else '',
    )


def _rest(task: str, known: Mapping, start: Start | None, inputs: int) -> str:
    """What a backbone has besides its sizes."""
    lines = [] if inputs == 3 else [f'in_channels={inputs}']
    stages = _stages(start)
    if task in ('segment', 'detect'):
        lines.append('drop_path_rate=0.0')
    if stages and task == 'classify':
        lines.append("out_type='avg_featmap'")
    elif stages:
        lines += ['out_indices=(0, 1, 2, 3)', 'norm_eval=True']
    elif task == 'segment':
        lines.append(f'out_indices={known["outputs"]}')
    if task == 'detect' and _mini(known):
        lines.append('with_cp=False')
    if start is not None:
        lines.append(
            'init_cfg=dict(\n        _delete_=True,\n'
            "        type='Pretrained',\n        checkpoint="
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
