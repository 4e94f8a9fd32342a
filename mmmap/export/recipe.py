"""What a program needs besides an ONNX file to predict with it, as JSON."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from torch import nn

from ..datasets.image_reader import steps_of
from ..errors import InputError
from ..visualization.palettes import complete_palette

TASKS = dict(mmpretrain='classify', mmseg='segment', mmdet='detect')
_SKIPPED = ('LoadAnnotations', 'PackSegInputs', 'PackDetInputs', 'PackInputs')


def recipe_of(
    config: Config, model: nn.Module, size: tuple[int, int], meta: Mapping
) -> dict[str, Any]:
    """How images become inputs of a model, and its outputs predictions.

    Args:
        config: The model's config.
        model: A classifier, segmentor or detector.
        size: H, W of the inputs of a classifier or segmentor.
        meta: ``classes`` and ``palette``.

    Raises:
        InputError: The config prepares images in a way that ``mmmap predict``
            does not know without mmcv.
    """
    task = TASKS[config.default_scope]
    steps, reading = _steps(config)
    normal = dict(config.get('data_preprocessor') or {})
    normal |= config.model.get('data_preprocessor') or {}
    classes = list(map(str, meta.get('classes') or ()))
    palette = meta.get('palette')
    palette = palette if isinstance(palette, list | tuple) else []
    found = dict(
        task=task,
        classes=classes,
        palette=complete_palette(palette, len(classes)),
        tile=config.get('tile'),
        reading=reading,
        steps=steps,
        mean=list(normal.get('mean') or [0]),
        std=list(normal.get('std') or [1]),
        swap=bool(normal.get('bgr_to_rgb') or normal.get('to_rgb')),
    )
    if task == 'segment':
        return found | _sliding(config, normal, size)
    if task == 'detect':
        return found | _detecting(model, normal)
    crop = steps[-1].get('crop')
    if crop is None or [crop, crop] != list(size):
        raise InputError(
            f'images are cropped to {crop} pixels and the file is for '
            f'{size[0]}x{size[1]}'
        )
    return found


def _sliding(config: Config, normal: Mapping, size) -> dict[str, Any]:
    test = config.model.test_cfg
    if test.get('mode') != 'slide' or list(test.crop_size) != list(size):
        raise InputError(
            f'a file for {size[0]}x{size[1]} pixels needs test_cfg with '
            "mode='slide' and a crop_size of as many"
        )
    divisor = (normal.get('test_cfg') or {}).get('size_divisor', 1)
    return dict(
        crop=list(test.crop_size), stride=list(test.stride), divisor=divisor
    )


def _detecting(model: nn.Module, normal: Mapping) -> dict[str, Any]:
    head = model.rpn_head if hasattr(model, 'rpn_head') else model.bbox_head
    coarsest = max(max(s) for s in head.prior_generator.strides)
    rcnn = model.test_cfg.get('rcnn') or {}
    return dict(
        divisor=normal.get('pad_size_divisor', 1),
        # The coarsest map has two rows and columns at least.
        least=coarsest + 1,
        mask_threshold=rcnn.get('mask_thr_binary', 0.5),
    )


def _steps(config: Config) -> tuple[list[dict], dict | None]:
    """Steps that change an image's size, and how a file is read."""
    reading, steps = None, []
    for step in steps_of(config.test_dataloader.dataset):
        kind = str(step['type']).split('.')[-1]
        rest = {k: v for k, v in step.items() if k != 'type'}
        if kind == 'LoadImageChannels':
            reading = dict(channels=rest['channels'], dtype=rest['dtype'])
        elif kind == 'Resize' and rest.keys() == {'scale', 'keep_ratio'}:
            steps.append(
                dict(resize=list(rest['scale']), keep=rest['keep_ratio'])
            )
        elif kind == 'ResizeEdge' and rest.get('edge') == 'short':
            pillow = rest.get('backend', 'cv2') == 'pillow'
            kind = rest.get('interpolation', 'bilinear')
            steps.append(dict(short=rest['scale'], pillow=pillow, kind=kind))
        elif kind == 'CenterCrop' and rest.keys() == {'crop_size'}:
            steps.append(dict(crop=rest['crop_size']))
        elif kind not in _SKIPPED and (kind, rest) != (
            'LoadImageFromFile',
            {},
        ):
            raise InputError(
                f'the step {kind} of the test pipeline, with {rest or "its "}'
                'settings, cannot run without mmcv'
            )
    return steps, reading
