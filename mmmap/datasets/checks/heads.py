"""Numbers of classes and class weights of a model's heads."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.fileio import load
from mmengine.registry import MODELS

from ...wording import counted
from ..config_datasets import metrics_of
from .parts import Part
from .report import Report

# Parts whose number of classes is not that of the data: RPNs have objects
# and background, a backbone's classifier is not used, a semantic branch
# has its own classes, and teachers are other models.
_OTHERS = (
    'backbone',
    'neck',
    'rpn_head',
    'semantic_head',
    'semantic_roi_extractor',
    'teacher',
    'train_cfg',
    'test_cfg',
    'init_cfg',
    'text_model',
    'language_model',
)
_COUNTS = ('num_classes', 'num_things_classes', 'num_stuff_classes')


class Count(NamedTuple):
    """A number of classes in a config.

    Attributes:
        place: Its path, for example ``model.decode_head.num_classes``.
        number: Its value, which a config may have as text.
        given: Whether the config sets it; else it is the type's default.
        head: The settings of its head.
    """

    place: str
    number: int
    given: bool
    head: Mapping


def counts_of(model: Mapping, place: str = 'model') -> Iterator[Count]:
    """All numbers of classes of a model's heads."""
    for key, node in model.items():
        if key in _OTHERS:
            continue
        nodes = node if isinstance(node, list | tuple) else [node]
        for index, part in enumerate(nodes):
            if not isinstance(part, Mapping):
                continue
            several = isinstance(node, list | tuple)
            here = f'{place}.{key}' + (f'[{index}]' if several else '')
            yield from _own_counts(part, here)
            yield from counts_of(part, here)


def _own_counts(part: Mapping, place: str) -> Iterator[Count]:
    for key in _COUNTS:
        number = part.get(key)
        given = number is not None
        is_head = 'head' in place.rpartition('.')[2]
        if not given and key == 'num_classes' and is_head:
            number = _default(part.get('type'))
        if number is not None:
            yield Count(f'{place}.{key}', number, given, part)


def _default(kind) -> int | None:
    """The default number of classes of a type, if it has one."""
    found = kind if isinstance(kind, type) else None
    if isinstance(kind, str):
        with MODELS.switch_scope_and_registry(None) as registry:
            found = registry.get(kind)
    for parent in getattr(found, '__mro__', ()):
        init = parent.__dict__.get('__init__')
        names = inspect.signature(init).parameters if init else {}
        if 'num_classes' in names:
            default = names['num_classes'].default
            return default if isinstance(default, int) else None
    return None


def check_heads(config: Mapping, parts: Sequence[Part]) -> Report:
    """Compare all heads with the classes of the training data."""
    report = Report('model')
    first = next((p for p in parts if p.names and not p.relabelled), None)
    model = config.get('model') or {}
    if first is None:
        return report
    number = len(first.names)
    if 'num_parts' in (model.get('head') or ()):
        _check_parts(report, model, first)
        return report
    kinds = first.things
    meta = first.dataset.metainfo
    if not kinds and 'stuff_classes' in meta:
        kinds = {n: n not in meta['stuff_classes'] for n in first.names}
    things = sum(bool(kinds.get(name, True)) for name in first.names)
    for count in counts_of(model):
        key = count.place.rpartition('.')[2]
        if key == 'num_stuff_classes':
            if kinds:
                _check_count(report, count, number - things, first, 'stuff ')
            continue
        own = things if key == 'num_things_classes' else number
        _check_count(report, count, own, first)
        stuff = count.head.get('num_stuff_classes')
        own += stuff if isinstance(stuff, int) else 0
        _check_weights(report, count, own, config.get('default_scope'))
    _check_topk(report, config, number)
    return report


def _check_count(
    report: Report, count: Count, number: int, part: Part, kind: str = ''
) -> None:
    if count.number == number or _is_binary(count, number):
        return
    if not isinstance(count.number, int):
        what = f'is {count.number!r}, expected the number {number}'
        report.error(count.place, what, f'set it to {number}')
        return
    what = (
        f'is {count.number}'
        + ('' if count.given else ' by default')
        + f', but the data of {part.place} have '
        + counted(number, f'{kind}class', f'{kind}classes')
    )
    if count.head.get('class_agnostic'):
        what += ' (harmless, the head is class_agnostic)'
        report.warn(count.place, what)
    else:
        report.error(count.place, what, f'set it to {number}')


def _is_binary(count: Count, number: int) -> bool:
    """Whether one output separates two classes, as mmseg allows."""
    single = count.head.get('out_channels') == 1
    return single and {count.number, number} <= {1, 2}


def _check_weights(
    report: Report, count: Count, number: int, scope: str | None
) -> None:
    """Check the number of class weights of a head's losses."""
    for key, node in count.head.items():
        losses = node if isinstance(node, list | tuple) else [node]
        for loss in losses:
            if not isinstance(loss, Mapping) or 'loss' not in key:
                continue
            weights = _read(loss.get('class_weight'))
            fitting = _fitting(count.head, loss, number, scope)
            if isinstance(weights, list | tuple) and (
                len(weights) not in fitting
            ):
                head = count.place.rpartition('.')[0]
                wanted = ' or '.join(map(str, fitting))
                report.error(
                    f'{head}.{key}.class_weight',
                    f'has {counted(len(weights), "weight")}, expected '
                    f'{wanted} for {counted(number, "class", "classes")}'
                    + (' and the background' if number + 1 in fitting else ''),
                    f'write [1.0] * {number}'
                    + (' + [0.1]' if number + 1 in fitting else ''),
                )


def _read(weights):
    """Class weights as mmseg reads them, perhaps from a file."""
    if not isinstance(weights, str) or not Path(weights).is_file():
        return weights
    if weights.endswith('.npy'):
        return np.load(weights).tolist()
    return load(weights)


def _fitting(
    head: Mapping, loss: Mapping, number: int, scope: str | None
) -> tuple[int, ...]:
    """The numbers of weights that a loss accepts."""
    kind = str(head.get('type'))
    former = any(word in kind for word in ('Mask2Former', 'MaskFormer'))
    sigmoid = loss.get('use_sigmoid')
    if former:
        return (number + 1,)
    if scope == 'mmdet' and not sigmoid:
        return (number + 1,)
    if _is_binary(Count('', number, True, head), number):
        return (1, number)
    return (number,)


def _check_topk(report: Report, config: Mapping, number: int) -> None:
    """Check that no top-k accuracy needs more classes than there are."""
    head = (config.get('model') or {}).get('head') or {}
    asked = {}
    if isinstance(head, Mapping) and head.get('cal_acc'):
        asked['model.head.topk'] = head.get('topk')
    for split in ('val', 'test'):
        for metric in metrics_of(config, split):
            asked[f'{split}_evaluator.topk'] = metric.get('topk')
    for place, topk in asked.items():
        topk = topk if isinstance(topk, list | tuple) else [topk]
        largest = max((k for k in topk if isinstance(k, int)), default=0)
        if largest > number:
            report.error(
                place,
                f'is {largest}, but there are only '
                f'{counted(number, "class", "classes")}',
                'set it to 1' if number < 5 else 'set it to (1, 5)',
            )


def _check_parts(report: Report, model: Mapping, part: Part) -> None:
    """Compare a head for parts of shapes with the data."""
    head = model.get('head') or {}
    for key, names in (
        ('num_parts', part.dataset.metainfo.get('parts') or ()),
        ('num_categories', part.names),
    ):
        number = head.get(key)
        if number is not None and number != len(names):
            report.error(
                f'model.head.{key}',
                f'is {number}, but the data of {part.place} have {len(names)}',
                f'set it to {len(names)}',
            )
