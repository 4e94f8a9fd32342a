"""Names and order of the classes: config, files, folders, checkpoint.

Each library numbers labels by its own rule: mmdet by the order of the JSON's
categories, mmpretrain by the sorted class folders of each split, mmseg by the
order of the names. The built data sets show which order they use.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...checkpoints import read_meta
from ...wording import counted, some_of
from ..image_folders import is_stray
from .parts import Part
from .report import Report

_SCORES = ('mIoU', 'mDice', 'mFscore')  # of mmseg's IoUMetric


def check_categories(part: Part) -> None:
    """Check that mmdet's labels have the names that the config gives."""
    if part.dataset is None or not part.is_coco or part.names is None:
        return
    used = [c['name'] for c in part.content['categories']]
    path = part.dataset.ann_file
    given = bool((part.settings.get('metainfo') or {}).get('classes'))
    cat_ids = part.dataset.cat_ids
    by_id = {c['id']: c['name'] for c in part.content['categories']}
    labels = [by_id[k] for k in cat_ids]
    twice = [name for name, n in Counter(labels).items() if n > 1]
    if twice:
        part.report.error(
            path,
            f'has several categories named {some_of(twice)}',
            'give each category its own name, or join them',
        )
    elif set(part.names) - set(used):
        _report_absent(part, path, used, given)
        part.named = False  # other findings would only repeat this one
    elif labels != list(part.names):
        part.report.error(
            f'{part.place}.metainfo.classes',
            f'is ({some_of(part.names)}), but mmdet numbers labels by the '
            f'order of the categories in {path}: ({some_of(labels)}); '
            'predictions would get the wrong names',
            f'write classes={tuple(labels)!r}',
        )


def _report_absent(
    part: Part, path: str, used: list[str], given: bool
) -> None:
    """Report classes that are not categories of the file."""
    place = f'{part.place}.metainfo.classes'
    absent = [name for name in part.names if name not in used]
    if not given:
        part.report.error(
            place,
            f'is not set, and {len(absent):,} of the {len(part.names):,} '
            f'classes of the type are not categories of {path}, which has '
            f'{some_of(used)}',
            f'write metainfo=dict(classes={tuple(used)!r})'
            if len(used) <= 10
            else 'set it to the categories',
        )
        return
    hints = [
        f'a comma is missing: {a!r} {b!r} is {a + b!r}'
        for a in used
        for b in used
        if a + b in absent
    ][:1]
    hints += [
        f'{name!r} is {other!r} there'
        for name in absent
        for other in used
        if _plain(name) == _plain(other)
    ]
    hint = f' ({some_of(hints)})' if hints else ''
    are = counted(
        len(absent), 'class is not a category', 'classes are not categories'
    )
    part.report.error(
        place,
        f'{are} of {path}: {some_of(absent)}{hint}; its '
        f'categories are {some_of(used)}',
        'correct the names, or add the categories to the file',
    )


def _plain(name: str) -> str:
    """A name without case, spaces and underscores."""
    return ''.join(name.casefold().replace('_', ' ').split())


def check_named(part: Part, metrics: Sequence[Mapping]) -> None:
    """Check what mmseg's metrics need: class names, and known scores."""
    for metric in metrics if part.is_segmentation else ():
        scores = metric.get('iou_metrics') or ()
        scores = [scores] if isinstance(scores, str) else scores
        unknown = [score for score in scores if score not in _SCORES]
        if unknown:
            part.report.error(
                f'{part.split}_evaluator.iou_metrics',
                f'has {some_of(map(repr, unknown))}',
                f'choose from {", ".join(_SCORES)}',
            )
    if part.is_segmentation and metrics and part.named and not part.names:
        part.report.error(
            f'{part.place}.metainfo.classes',
            'is not set, and the metric needs the names',
            'write metainfo=dict(classes=(...))',
        )


def check_folders(part: Part) -> None:
    """Check that the class names fit mmpretrain's class folders."""
    folders, names = part.folders, part.names
    stray = [name for name in folders or () if is_stray(name)]
    if stray:
        part.named = False
        more = f' (all such: {some_of(stray)})' if len(stray) > 1 else ''
        part.report.error(
            Path(part.dataset.img_prefix, stray[0]),
            'was left by a program, but would become a class' + more,
            'delete it',
        )
    if stray or not folders or not names or len(folders) != len(names):
        return
    plain = [name.casefold() for name in folders]
    wrong = [
        f'{folder!r} is named {name!r}'
        for folder, name in zip(folders, names)
        if name.casefold() in plain and name.casefold() != folder.casefold()
    ]
    if wrong:
        part.report.error(
            f'{part.place}.metainfo.classes',
            'labels follow the sorted class folders, so folders would get '
            f'the names of others: {some_of(wrong)}',
            f'write classes={tuple(folders)!r}',
        )


def check_agreement(parts: Sequence[Part]) -> None:
    """Check that all splits have the same classes in the same order."""
    known = [p for p in parts if p.dataset is not None and not p.relabelled]
    known = [part for part in known if part.named]
    for ask in (lambda part: part.folders, lambda part: part.names):
        with_some = [part for part in known if ask(part)]
        for part in with_some[1:]:
            first = with_some[0]
            if list(ask(part)) != list(ask(first)) and not part.report.errors:
                _report_difference(part, first, ask(part), ask(first))


def _report_difference(
    part: Part, first: Part, names: Sequence, expected: Sequence
) -> None:
    absent = [name for name in expected if name not in names]
    more = [name for name in names if name not in expected]
    changes = [f'lacks {some_of(absent)}'] if absent else []
    changes += [f'also has {some_of(more)}'] if more else []
    if part.folders:
        do = (
            'make the same class folders in all splits, each with an image '
            '(each split numbers its own folders)'
        )
    else:
        do = 'give all splits the same classes in the same order'
    what = ' and '.join(changes) or 'has the same classes in another order'
    other = _named_by(first)
    part.report.error(_named_by(part), f'{what}, compared with {other}', do)


def _named_by(part: Part) -> str:
    if part.folders:
        return str(part.dataset.img_prefix)
    return f'{part.place} (classes {some_of(part.names)})'


def check_checkpoint(
    config: Mapping, parts: Sequence[Part], report: Report
) -> None:
    """Check that a checkpoint was trained on the same classes.

    Other classes are an error in a test or a resumed run; a new training that
    starts from the checkpoint may learn others.

    Args:
        config: Perhaps with ``load_from`` and ``resume``.
        parts: The data sets.
        report: Gets the findings.

    Raises:
        CheckpointError: It cannot be read.
    """
    path = config.get('load_from')
    names = next((part.names for part in parts if part.names), None)
    if not path or '://' in str(path) or names is None:
        return
    classes = (read_meta(path).get('dataset_meta') or {}).get('classes')
    if not isinstance(classes, list | tuple) or list(classes) == list(names):
        return
    what = (
        f'was trained on ({some_of(classes)}), the data have '
        f'({some_of(names)})'
    )
    if sorted(map(str, classes)) == sorted(names):
        what = f'{what}: the same classes in another order'
    if config.get('resume') or all(part.split == 'test' for part in parts):
        report.error(path, what, 'use the classes that it was trained on')
    elif len(classes) == len(names):
        report.warn(path, f'{what}; the head starts from its weights')
