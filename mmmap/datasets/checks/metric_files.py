"""The annotation file that a metric reads, against that of the data set."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...wording import counted, some_of
from ..config_datasets import metrics_of
from .coco_files import read_coco
from .coco_format import check_format
from .parts import Part
from .report import Report

_SAME_FILE = 'set ann_file of the metric to the file of the data set'


def check_metric_files(
    config: Mapping, parts: Sequence[Part], files: dict[str, dict]
) -> None:
    """Check that the annotation file of each metric fits the data sets.

    Args:
        config: An mmengine config.
        parts: Its data sets.
        files: The files that were read before, by path.
    """
    for split in dict.fromkeys(part.split for part in parts):
        own = [p for p in parts if p.split == split and p.is_coco]
        if not own or own[0].dataset is None or own[0].names is None:
            continue
        for metric in metrics_of(config, split):
            path = str(metric.get('ann_file') or '')
            if path.endswith('.json') and '://' not in path:
                _check_file(metric, path, own, files)


def _check_file(
    metric: Mapping, path: str, parts: list[Part], files: dict[str, dict]
) -> None:
    part, own = parts[0], Report(path)
    if not Path(path).exists():
        part.report.error(
            path,
            'does not exist; the metric reads it',
            'set ann_file of the metric, which data_root does not change',
        )
        return
    content = read_coco(path, own, files)
    if content is not None:
        scored = not metric.get('format_only')
        check_format(own, path, content, ('area', 'iscrowd') if scored else ())
    known = {str(finding) for finding in part.report.findings}
    part.report.findings += [f for f in own.findings if str(f) not in known]
    if content is None or own.errors:
        return
    _warn_of_zero(part.report, path, content)
    if Path(path).resolve() != Path(part.dataset.ann_file).resolve():
        _check_classes(part, path, content)
        _check_images(parts, path, content)


def _warn_of_zero(report: Report, path: str, content: dict) -> None:
    """Warn of annotation id 0, which pycocotools confuses with no match."""
    if any(a['id'] == 0 for a in content.get('annotations') or []):
        report.warn(
            f'{path}: annotation id 0',
            'pycocotools always counts the object with id 0 as missed; '
            'tools/train.py and tools/test.py renumber annotations in memory, '
            'other programs do not',
            'number annotations from 1',
        )


def _check_classes(part: Part, path: str, content: dict) -> None:
    categories = content['categories']
    mine = [c['name'] for c in categories if c['name'] in part.names]
    if len(mine) > len(set(mine)):
        part.report.error(path, 'has several categories of one name')
    elif mine != list(part.names):
        part.report.error(
            path,
            f'the metric reads the classes ({some_of(mine)}) from this file, '
            f'the data set has ({some_of(part.names)})',
            'list the same categories in the same order in both files',
        )


def _check_images(parts: list[Part], path: str, content: dict) -> None:
    report, name = parts[0].report, parts[0].dataset.ann_file
    ids = Counter(i['id'] for part in parts for i in part.content['images'])
    shared = [k for k, number in ids.items() if number > 1]
    if shared:
        report.error(
            path,
            'the metric reads this file for several data sets, which share '
            f'{counted(len(shared), "image id")}: '
            f'{some_of(f"id {k}" for k in shared)}; it would evaluate images '
            'with the annotations of others',
            'join the data sets into one file, or test them one by one',
        )
        return
    mine = {
        i['id']: i['file_name']
        for part in parts
        for i in part.content['images']
    }
    other = {i['id']: i['file_name'] for i in content['images']}
    absent = [k for k in mine if k not in other]
    if absent:
        report.error(
            path,
            f'the metric reads this file, which lacks '
            f'{counted(len(absent), "image")} of {name}: '
            f'{some_of(f"id {k}" for k in absent)}',
            _SAME_FILE,
        )
        return
    moved = [k for k in mine if Path(mine[k]).name != Path(other[k]).name]
    if moved:
        report.error(
            path,
            'the metric reads this file, where '
            + counted(len(moved), 'id is', 'ids are')
            + f' of another image than in {name}: '
            + some_of(f'id {k}' for k in moved),
            _SAME_FILE,
        )
    else:
        _check_objects(parts, path, content)
    more = len(other) - len(mine)
    if more > 0:
        report.warn(
            path,
            f'the metric reads this file, which lists '
            f'{counted(more, "image")} more than the data set; all objects '
            'there count as missed',
            _SAME_FILE,
        )


def _check_objects(parts: list[Part], path: str, content: dict) -> None:
    """Warn if the objects of images differ from the data set."""
    mine, other = (
        Counter(
            (a['image_id'], *a['bbox'])
            for one in contents
            for a in one.get('annotations') or ()
        )
        for contents in ([part.content for part in parts], [content])
    )
    images = {i['id'] for part in parts for i in part.content['images']}
    changed = {key[0] for key in (mine - other) + (other - mine)} & images
    if changed:
        parts[0].report.warn(
            path,
            f'the metric reads this file, which has other objects than '
            f'{parts[0].dataset.ann_file} for '
            f'{counted(len(changed), "image")}: '
            f'{some_of(f"id {k}" for k in sorted(changed, key=str))}',
            _SAME_FILE,
        )
