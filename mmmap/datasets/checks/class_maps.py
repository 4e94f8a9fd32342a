"""Class maps: their values, and how mmseg reads them."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ...wording import counted, some_of
from ..config_datasets import metrics_of
from ..image_files import read_pixels
from .labels import warn_of_absent
from .parts import Part

IGNORED = 255  # what mmseg's heads and metrics ignore by default
_LARGE = 0.5  # share of ignored pixels that is worth a warning


def ignored_values(config: Mapping, split: str = 'train') -> set[int]:
    """Values of class maps that all heads, or all metrics, ignore.

    Args:
        config: An mmengine config.
        split: Heads read the maps of training, metrics all others.
    """
    model = config.get('model') or {}
    users = [
        head
        for key in ('decode_head', 'auxiliary_head')
        for head in _each(model.get(key))
    ]
    if split != 'train':
        users = metrics_of(config, split)
    values = {user.get('ignore_index', IGNORED) for user in users}
    # If they differ, a value that only some ignore is an error for the rest.
    return values if len(values) == 1 else set() if values else {IGNORED}


def _each(node) -> list[Mapping]:
    nodes = node if isinstance(node, list | tuple) else [node]
    return [n for n in nodes if isinstance(n, Mapping)]


def class_map_problem(
    labels: np.ndarray,
    size: Sequence[int],
    number: int | None,
    ignored: Collection[int],
) -> str | None:
    """Why a class map cannot be used as it is loaded, or None.

    Args:
        labels: (H, W), classes from 0.
        size: H and W of its image.
        number: Of classes; None for any.
        ignored: Values that may occur but are not classes.
    """
    if labels.ndim != 2:
        return (
            f'the class map has {labels.shape[-1]} channels, expected 1 with '
            'the number of each class, not its colour'
        )
    if labels.shape != tuple(size[:2]):
        return (
            f'the class map is {labels.shape[1]}x{labels.shape[0]}, the image '
            f'{size[1]}x{size[0]}'
        )
    if number is None or labels.max(initial=0) < number:
        return None
    values = np.unique(labels)
    wrong = [v for v in values[values >= number] if v not in ignored]
    if wrong:
        return (
            f'the class map has the class {some_of(wrong)}, counted from 0, '
            f'of {counted(number, "class", "classes")} (ignored: '
            f'{some_of(ignored) or "none"})'
        )
    return None


def wide_map_problem(path: str, bits: int) -> str | None:
    """Whether mmseg, which keeps 8 bits, loses some of a map, or None."""
    if bits <= 8:
        return None
    labels = read_pixels(path)
    if isinstance(labels, str):
        return None
    if labels.dtype.kind == 'f' and (labels % 1).any():
        return 'the class map has fractions, which mmseg cuts off'
    if labels.max(initial=0) < 256:
        return None
    return (
        f'the class map has the value {labels.max()}, of which mmseg keeps '
        'the lower 8 bits'
    )


def check_class_maps(
    part: Part, values: np.ndarray, looked: int, ignored: Collection[int]
) -> None:
    """Count the classes of class maps, and warn of those that never occur.

    Args:
        part: A data set of mmseg.
        values: How often each value 0..255 occurs, as loaded.
        looked: How many class maps were opened.
        ignored: Values that are not classes.
    """
    names = part.names or ()
    total = int(values.sum())
    if not total or not names:
        return
    counts = {k: int(values[k]) for k in range(len(names))}
    void = sum(int(values[v]) for v in ignored if v >= len(names))
    part.report.tables['classes'] = {
        name: dict(pixels=counts[k], share=counts[k] / total)
        for k, name in enumerate(names)
    }
    part.report.tables['ignored pixels'] = dict(share=f'{void / total:.2%}')
    if str(part.dataset.seg_map_suffix).lower() in ('.jpg', '.jpeg', '.jfif'):
        part.report.warn(
            part.place,
            'class maps are JPEG files, whose compression turns values at '
            'edges into those of other classes',
            'write class maps as PNG',
        )
    every = looked == len(part.items)
    of = '' if every else f'{looked:,} of {len(part.items):,} class maps'
    absent = [name for k, name in enumerate(names) if not counts[k]]
    do = ''
    if absent and void:
        do = (
            f'{void / total:.1%} of the pixels have the ignored value '
            f'{some_of(ignored)}: if a class was meant, write its number'
        )
    warn_of_absent(part.report, part.place, names, counts, of, do)
    share = void / total
    if share == 1 and every:
        part.report.error(
            part.place, 'all pixels of all class maps are ignored'
        )
    elif len(names) - len(absent) == 1 < len(names) and void and every:
        part.report.error(
            part.place,
            f'{some_of(absent)} never occurs, and {share:.1%} of the pixels '
            f'are ignored: nothing can be learnt except '
            f'{next(n for n in names if n not in absent)!r}',
            do,
        )
    elif share >= _LARGE:
        part.report.warn(part.place, f'{share:.1%} of the pixels are ignored')
