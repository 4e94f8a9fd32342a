"""Whether all agree on the names and the order of the classes.

Each library numbers labels by a rule of its own: mmdet by the order of the
JSON's categories, mmpretrain by the sorted class folders of each split, mmseg
by the order of its names. What they really do is asked of the data sets.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...checkpoints import read_meta
from ..config_datasets import metrics_of
from ..image_files import is_stray
from .coco_form import check_form
from .parts import Part, read_coco
from .report import Report, some_of


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
            'give them one id, or names of their own',
        )
    elif set(part.names) - set(used):
        _explain_absent(part, path, used, given)
        part.spelled = False  # what else follows from the names is no help
    elif labels != list(part.names):
        part.report.error(
            f'{part.place}.metainfo.classes',
            f'is ({some_of(part.names)}), but mmdet numbers labels by the '
            f'order of the categories in {path}: ({some_of(labels)}); '
            'predictions would bear the wrong names',
            f'write classes={tuple(labels)!r}',
        )


def _explain_absent(
    part: Part, path: str, used: list[str], given: bool
) -> None:
    """Note an error: classes that are no category of the file."""
    absent = [name for name in part.names if name not in used]
    if not given:
        names = tuple(used)
        part.report.error(
            f'{part.place}.metainfo.classes',
            f'is not set, so the {len(part.names)} classes of the type '
            f'count, and {len(absent)} of them are no category of {path}; '
            f'its categories are {some_of(used)}',
            f'write metainfo=dict(classes={names!r})'
            if len(names) <= 10
            else 'set it to the categories',
        )
        return
    joined = [
        f"'{a}' 'b' is '{a + b}'".replace("'b'", f"'{b}'")
        for a in used
        for b in used
        if a + b in absent
    ]
    hint = f' (a comma is missing: {joined[0]})' if joined else ''
    alike = [
        f'{name!r} is {other!r} there'
        for name in absent
        for other in used
        if _plain(name) == _plain(other)
    ]
    hint += f' ({some_of(alike)})' if alike else ''
    part.report.error(
        f'{part.place}.metainfo.classes',
        f'{len(absent)} classes are no category of {path}: '
        f'{some_of(absent)}{hint}; its categories are {some_of(used)}',
        'correct the names, or add the categories to the file',
    )


def _plain(name: str) -> str:
    """A name without what is easily overlooked."""
    return ''.join(name.casefold().replace('_', ' ').split())


def check_named(part: Part, metrics: Sequence[Mapping]) -> None:
    """Check that mmseg's data have names where a metric asks for them."""
    if part.is_segmentation and metrics and part.spelled and not part.names:
        part.report.error(
            f'{part.place}.metainfo.classes',
            'is not set, and the metric needs the names',
            'write metainfo=dict(classes=(...))',
        )


def check_folders(part: Part) -> None:
    """Check that mmpretrain's class folders have the names given them."""
    folders, names = part.folders, part.names
    stray = [name for name in folders or () if is_stray(name)]
    if stray:
        part.spelled = False
    for name in stray:
        part.report.error(
            Path(part.dataset.img_prefix, name),
            'a program left this folder, and it is taken for a class',
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
            'labels are numbered by the sorted class folders, and these '
            f'would bear the names of others: {some_of(wrong)}',
            f'write classes={tuple(folders)!r}',
        )


def check_agreement(parts: Sequence[Part]) -> None:
    """Check that all splits have the same classes in the same order."""
    known = [p for p in parts if p.dataset is not None and not p.relabelled]
    known = [part for part in known if part.spelled]
    for ask in (lambda part: part.folders, lambda part: part.names):
        with_some = [part for part in known if ask(part)]
        for part in with_some[1:]:
            first = with_some[0]
            if list(ask(part)) != list(ask(first)) and not part.report.errors:
                _explain_difference(part, first, ask(part), ask(first))


def _explain_difference(
    part: Part, first: Part, names: Sequence, expected: Sequence
) -> None:
    absent = [name for name in expected if name not in names]
    more = [name for name in names if name not in expected]
    told = [f'lacks {some_of(absent)}'] if absent else []
    told += [f'has {some_of(more)} besides'] if more else []
    where = _named_by(part)
    other = _named_by(first)
    if part.folders:
        do = (
            'make the same class folders in all splits (labels are numbered '
            'by the folders of each split alone; each needs an image)'
        )
    else:
        do = 'give all splits the same classes in the same order'
    what = ' and '.join(told) or 'has the same classes in another order'
    part.report.error(where, f'{what}, compared with {other}', do)


def _named_by(part: Part) -> str:
    if part.folders:
        return str(part.dataset.img_prefix)
    return f'{part.place} (classes {some_of(part.names)})'


def check_metric_files(
    config: Mapping, parts: Sequence[Part], files: dict[str, dict]
) -> None:
    """Check that a metric's own annotation file fits the data set's."""
    for split in dict.fromkeys(part.split for part in parts):
        those = [p for p in parts if p.split == split and p.is_coco]
        if not those or those[0].dataset is None or those[0].names is None:
            continue
        for metric in metrics_of(config, split):
            path = metric.get('ann_file')
            if path and str(path).endswith('.json') and '://' not in path:
                _check_metric_file(metric, str(path), those, files)


def _check_metric_file(
    metric: Mapping, path: str, parts: list[Part], files: dict[str, dict]
) -> None:
    part = parts[0]
    mine = Report(path)
    content = read_coco(path, mine, files)
    if content is not None:
        if not metric.get('format_only'):
            check_form(mine, path, content, ('area', 'iscrowd'))
        else:
            check_form(mine, path, content)
    if content is None and not Path(path).exists():
        part.report.error(
            path,
            'does not exist; the metric reads it',
            'set ann_file of the metric, which does not begin at data_root',
        )
        return
    known = {str(finding) for finding in part.report.findings}
    part.report.findings += [f for f in mine.findings if str(f) not in known]
    if content is None or mine.errors:
        return
    _note_zero(part.report, path, content)
    if Path(path).resolve() == Path(part.dataset.ann_file).resolve():
        return
    _check_metric_names(part, path, content)
    _check_metric_images(parts, path, content)


def _note_zero(report: Report, path: str, content: dict) -> None:
    """pycocotools takes a match with annotation 0 for none."""
    if any(a['id'] == 0 for a in content.get('annotations') or []):
        report.warn(
            f'{path}: annotation id 0',
            'pycocotools counts the object with id 0 as missed, however good '
            'the prediction; tools/train.py and tools/test.py renumber the '
            'annotations in memory, other tools do not',
            'number annotations from 1',
        )


def _check_metric_names(part: Part, path: str, content: dict) -> None:
    by_name = [
        c['name'] for c in content['categories'] if c['name'] in part.names
    ]
    if by_name != list(part.names):
        part.report.error(
            path,
            f'the metric reads the classes ({some_of(by_name)}) from this '
            f'file, the data set has ({some_of(part.names)})',
            'list the same categories in the same order in both files',
        )
        return
    ids = [c['id'] for c in content['categories'] if c['name'] in part.names]
    if len(ids) != len(part.dataset.cat_ids):
        part.report.error(path, 'has several categories of one name')


def _check_metric_images(parts: list[Part], path: str, content: dict) -> None:
    mine = {
        i['id']: i['file_name']
        for part in parts
        for i in part.content['images']
    }
    other = {i['id']: i['file_name'] for i in content['images']}
    absent = [k for k in mine if k not in other]
    name = parts[0].dataset.ann_file
    if absent:
        parts[0].report.error(
            path,
            f'the metric reads it, but it lacks {len(absent):,} images of '
            f'{name}: {some_of(f"id {k}" for k in absent)}',
            'set ann_file of the metric to the file of the data set',
        )
        return
    moved = [k for k in mine if Path(mine[k]).name != Path(other[k]).name]
    if moved:
        parts[0].report.error(
            path,
            f'the metric reads it, and {len(moved):,} of its images have ids '
            f'of others in {name}: {some_of(f"id {k}" for k in moved)}',
            'set ann_file of the metric to the file of the data set',
        )
    more = len(other) - len(mine)
    if more > 0:
        parts[0].report.warn(
            path,
            f'the metric reads it, and it lists {more:,} images that the '
            'data set does not: their objects count as missed',
            'set ann_file of the metric to the file of the data set',
        )


def check_checkpoint(
    config: Mapping, parts: Sequence[Part], report: Report
) -> None:
    """Check that a checkpoint was trained on the same classes.

    In a test, or where a run is resumed, other classes are an error; a
    training that starts from it may learn others.

    Args:
        config: With ``load_from``, and ``resume`` where it is.
        parts: The data sets.
        report: Where to note what is found.

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
        report.warn(path, f'{what}; the head starts with their weights')
