"""Inputs of the model: channels of images, padding of class maps."""

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence

from mmengine.dataset import Compose
from mmengine.registry import MODELS

from ...wording import counted
from .parts import Part
from .samples import Looked

_PADDING = 255  # of class maps, by default


def check_channels(
    part: Part, looks: Sequence[Looked], config: Mapping
) -> None:
    """Check that the model takes as many channels as the images have.

    Args:
        part: The data set.
        looks: Its samples that were opened.
        config: An mmengine config.
    """
    wanted = _in_channels((config.get('model') or {}).get('backbone'))
    mean = _preprocessor(config).get('mean')
    by_channels: dict[int, list[str]] = {}
    for one in looks:
        if one.channels:
            by_channels.setdefault(one.channels, []).append(one.path)
    for channels, paths in by_channels.items():
        if not _mismatch(channels, mean, wanted):
            continue
        # A later step may join or drop channels.
        channels = _piped_channels(part, paths[0]) or channels
        problem = _mismatch(channels, mean, wanted)
        if problem:
            part.report.error(
                paths[0],
                f'has {counted(channels, "channel")} as the pipeline reads '
                f'it, but {problem} (as in {len(paths):,} of '
                f'{counted(len(looks), "opened image")})',
                'set color_type of LoadImageFromFile, or change the model',
            )


def _mismatch(channels: int, mean, wanted: int | None) -> str:
    """Why a model cannot take images with these channels; empty if it can."""
    number = len(mean) if isinstance(mean, Sequence) else 1
    if number != channels and 1 not in (number, channels):
        return f'model.data_preprocessor.mean has {counted(number, "value")}'
    # Subtracting three values from one channel gives three channels.
    total = max(number, channels)
    if wanted is None or total == wanted:
        return ''
    what = f'model.backbone.in_channels is {wanted}'
    if total == channels:
        return what
    values = counted(number, 'value')
    return f'{what}, and model.data_preprocessor.mean has {values}'


def _in_channels(backbone) -> int | None:
    """How many channels a backbone takes; None if unknown."""
    if not isinstance(backbone, Mapping):
        return None
    number = backbone.get('in_channels')
    kind = backbone.get('type')
    if number is None and kind is not None:
        found = kind
        if isinstance(kind, str):
            with MODELS.switch_scope_and_registry(None) as registry:
                found = registry.get(kind)
        if inspect.isclass(found):
            known = inspect.signature(found.__init__).parameters
            number = getattr(known.get('in_channels'), 'default', None)
    return number if isinstance(number, int) else None


def _preprocessor(config: Mapping) -> Mapping:
    inside = (config.get('model') or {}).get('data_preprocessor')
    return inside or config.get('data_preprocessor') or {}


def _piped_channels(part: Part, path: str) -> int | None:
    """Channels of an image after the whole pipeline, if that runs."""
    item = next(i for i in part.items if str(i.get('img_path')) == path)
    try:
        # Some data sets add keys that their steps need.
        data = part.dataset.prepare_data(part.items.index(item))
        data = Compose(part.steps)(data)
        inputs = data['inputs']
        inputs = inputs[0] if isinstance(inputs, list | tuple) else inputs
        return int(inputs.shape[-3])
    # Steps may raise errors of any type; other checks report the reason.
    except Exception:
        return None


def check_padding(
    part: Part, config: Mapping, number: int | None, ignored: Collection[int]
) -> None:
    """Check that the padding of class maps is not learnt.

    Args:
        part: A data set of mmseg.
        config: An mmengine config.
        number: Of classes.
        ignored: Values of class maps that the heads ignore.
    """
    if part.split != 'train' or not (part.is_segmentation and number):
        return
    for place, value in _paddings(part, config):
        if value in ignored:
            continue
        what = f'class {value}' if value < number else 'no class'
        known = ', '.join(map(str, sorted(ignored))) or 'not the same in all'
        part.report.warn(
            place,
            f'is {value}, {what}, which the heads do not ignore (ignore_index '
            f'is {known}): '
            + (
                'padding is learnt as that class'
                if value < number
                else 'a padded class map ends the training'
            ),
            f'set it to {min(ignored)}' if ignored else 'set ignore_index',
        )


def _paddings(part: Part, config: Mapping) -> Iterator[tuple[str, int]]:
    """Each setting of the padding of class maps, and its value."""
    model = _preprocessor(config)
    if model.get('size') or model.get('size_divisor'):
        place = 'model.data_preprocessor.seg_pad_val'
        yield place, model.get('seg_pad_val', _PADDING)
    for index, step in enumerate(part.steps):
        kind = str(step.get('type')).split('.')[-1]
        place = f'{part.place}.pipeline[{index}]'
        if kind == 'Pad':
            values = step.get('pad_val')
            values = values if isinstance(values, Mapping) else {}
            yield f'{place}.pad_val.seg', values.get('seg', _PADDING)
        elif kind in ('RandomRotate', 'RandomMosaic'):
            value = step.get('seg_pad_val', _PADDING)
            yield f'{place}.seg_pad_val', value
        elif kind == 'RandomCutOut' and step.get('seg_fill_in') is not None:
            yield f'{place}.seg_fill_in', step['seg_fill_in']
