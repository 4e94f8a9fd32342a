"""The data sets a config names, checked before anything is trained."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from ..errors import UserError
from .checks import (
    Report,
    check_images,
    check_segmentation,
    class_names,
    folder_problem,
)
from .coco_checks import check_coco


class DataError(UserError, RuntimeError):
    """Data that a config needs and that is missing or wrong."""


def check_data(
    config: Mapping, splits: tuple[str, ...], full: bool = False
) -> list[str]:
    """Look at the data sets of a config.

    Args:
        config: An mmengine config.
        splits: Which, as ``('train', 'val')``.
        full: Open every file, not a sample.

    Returns:
        What the libraries leave out of them, a sentence each.

    Raises:
        DataError: Something is missing or wrong; it says all that is.
    """
    reports = list(reports_of(config, splits, full))
    problems = [f'{split}: {p}' for split, r in reports for p in r.problems]
    if problems:
        raise DataError(
            'the data sets of this config cannot be used:\n  '
            + '\n  '.join(dict.fromkeys(problems))
            + '\nPrepare them with tools/dataset_converters/, or name '
            'their folder with --data-root DIR'
        )
    return [f'{split}: {note}' for split, r in reports for note in r.notes]


def reports_of(
    config: Mapping, splits: tuple[str, ...], full: bool = False
) -> Iterator[tuple[str, Report]]:
    """What is found of each data set, with its split; see ``check_data``."""
    for split in splits:
        loader = config.get(f'{split}_dataloader') or {}
        outer = loader.get('dataset')
        classes = _num_classes(config)
        if isinstance(outer, Mapping) and outer.get('type') == 'FewShot':
            classes = None  # it numbers some of the classes anew
        for dataset in _plain_datasets(outer):
            yield split, _report(dataset, classes, full)


def set_data_root(config: Mapping, root: str) -> None:
    """Make all data sets of a config lie in another folder.

    Annotation files that its metrics read are moved along.
    """
    for split in ('train', 'val', 'test'):
        loader = config.get(f'{split}_dataloader') or {}
        metrics = config.get(f'{split}_evaluator') or ()
        metrics = [metrics] if isinstance(metrics, Mapping) else metrics
        for dataset in _plain_datasets(loader.get('dataset')):
            old = str(dataset.get('data_root') or '').rstrip('/')
            dataset['data_root'] = root
            for metric in metrics:
                file = str(metric.get('ann_file') or '')
                if old and file.startswith(f'{old}/'):
                    metric['ann_file'] = str(Path(root, file[len(old) + 1 :]))


def _plain_datasets(dataset) -> Iterator[Mapping]:
    """The data sets inside wrappers such as RepeatDataset."""
    if isinstance(dataset, list | tuple):
        for part in dataset:
            yield from _plain_datasets(part)
    elif isinstance(dataset, Mapping):
        inner = dataset.get('dataset', dataset.get('datasets'))
        if inner is None:
            yield dataset
        else:
            yield from _plain_datasets(inner)


def _num_classes(config: Mapping) -> int | None:
    """Classes of a segmentor or classifier, None for other models."""
    model = config['model']
    head = model.get('decode_head') or model.get('head')
    head = head[-1] if isinstance(head, list | tuple) else head
    return head.get('num_classes') if head else None


def _report(dataset: Mapping, classes: int | None, full: bool) -> Report:
    root = dataset.get('data_root') or ''
    prefix = dataset.get('data_prefix') or {}
    if isinstance(prefix, str):
        prefix = {'img_path': prefix}
    if root and folder_problem(root):
        return Report(root, problems=[folder_problem(root)])
    kind = _cloud_set(dataset)
    if kind:
        return _clouds(dataset, kind, classes, full)
    folders = {key: Path(root, value) for key, value in prefix.items()}
    annotations = str(dataset.get('ann_file') or '')
    if 'seg_map_path' in folders and not annotations:
        return _segmentation(dataset, folders, classes, full)
    if 'seg_map_path' in folders:
        # A list of names: the folders hold more than it.
        return _folders(folders.values(), full)
    if annotations.endswith('.json'):
        return check_coco(
            Path(root, annotations),
            folders.get('img', Path(root)),
            full,
            _classes_of(dataset),
            any(step.get('with_mask') for step in dataset.get('pipeline', ())),
        )
    folders = folders or {'img_path': Path(root, dataset.get('split') or '')}
    report = _folders(folders.values(), full)
    if dataset.get('with_label', True) and not annotations:
        _check_class_folders(report, folders.get('img_path'), classes)
    return report


def _segmentation(
    dataset: Mapping, folders: Mapping, classes: int, full: bool
) -> Report:
    report = check_segmentation(
        folders['img_path'],
        folders['seg_map_path'],
        classes,
        dataset.get('reduce_zero_label', False),
        full,
        (dataset.get('img_suffix'), dataset.get('seg_map_suffix')),
    )
    names = _classes_of(dataset)
    if names and len(names) != classes:
        report.problems.append(
            f'the data set names {len(names)} classes, the head has '
            f'{classes}: set num_classes of all heads to their number'
        )
    return report


def _classes_of(dataset: Mapping) -> list[str] | None:
    """The names that a config gives its classes, None for the data set's."""
    classes = (dataset.get('metainfo') or {}).get('classes')
    return classes if isinstance(classes, list | tuple) else None


def _check_class_folders(
    report: Report, folder: Path | None, classes: int | None
) -> None:
    """Note more folders, thus labels, than a classifier has classes."""
    names = class_names(folder) if folder and classes else []
    if len(names) > (classes or 0):
        report.problems.append(
            f'{folder} has {len(names)} class folders, the head has '
            f'{classes} classes: set model.head.num_classes'
        )


def _cloud_set(dataset: Mapping) -> type | None:
    """The class of a data set of clouds, None for others."""
    # Here, for no other data set needs what it imports.
    from . import points
    from .points.base import PointSet

    kind = getattr(points, str(dataset.get('type')).split('.')[-1], None)
    known = isinstance(kind, type) and issubclass(kind, PointSet)
    return kind if known else None


def _clouds(
    dataset: Mapping, kind: type, classes: int | None, full: bool
) -> Report:
    """What is in a set of clouds, without its pipeline."""
    from .points.check import check_point_set

    settings = {
        k: v for k, v in dataset.items() if k not in ('type', 'pipeline')
    }
    place = Path(dataset.get('data_root') or '', dataset.get('ann_file') or '')
    title = f'{kind.__name__} in {place}'
    return check_point_set(partial(kind, **settings), title, full, classes)


def _folders(folders: Iterable[Path], full: bool) -> Report:
    """What is in several folders, as one report."""
    reports = [check_images(folder, full) for folder in folders]
    return Report(
        ' and '.join(report.title for report in reports),
        dict(opened=sum(r.counts.get('opened', 0) for r in reports)),
        [problem for report in reports for problem in report.problems],
    )
