"""The data sets a config names, checked before anything is trained."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from .checks import (
    check_coco,
    check_segmentation,
    first_images_problem,
    folder_problem,
)
from .point_files import PointFileError, read_clouds

# Sets of clouds in files of their own, by what is looked for in their folder;
# the files are read, and what is wrong with them named, in training.
CLOUD_SETS = {
    'ModelNet40': 'airplane',
    'ModelNet40H5': '',  # the folder itself
    'PointFolder': None,  # its split
    'ScanObjectNN': 'main_split',
    'ShapeNet55': 'shapenet_pc',
    'ShapeNetPart': 'train_test_split',
}


class DataError(RuntimeError):
    """Data that a config needs and that is missing or wrong."""


def check_data(config: Mapping, splits: tuple[str, ...]) -> None:
    """Look at the data sets of a config.

    Args:
        config: An mmengine config.
        splits: Which, as ``('train', 'val')``.

    Raises:
        DataError: Something is missing or wrong; it says all that is.
    """
    problems = []
    classes = _num_classes(config)
    for split in splits:
        loader = config.get(f'{split}_dataloader') or {}
        for dataset in _plain_datasets(loader.get('dataset')):
            found = _problems(dataset, classes)
            problems += [f'{split}: {p}' for p in found]
    if problems:
        raise DataError(
            'the data sets of this config cannot be used:\n  '
            + '\n  '.join(dict.fromkeys(problems))
            + '\nPrepare them with tools/dataset_converters/, or name '
            'their folder with --data-root DIR'
        )


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
    """Classes of a segmentor, None for other models."""
    head = config['model'].get('decode_head')
    head = head[-1] if isinstance(head, list | tuple) else head
    return head and head['num_classes']


def _problems(dataset: Mapping, classes: int | None) -> list[str]:
    root = dataset.get('data_root') or ''
    prefix = dataset.get('data_prefix') or {}
    if isinstance(prefix, str):
        prefix = {'img_path': prefix}
    if root and folder_problem(root):
        return [folder_problem(root)]
    folders = {key: Path(root, value) for key, value in prefix.items()}
    annotations = str(dataset.get('ann_file') or '')
    if 'seg_map_path' in folders:
        if annotations:  # a list of names: the folders hold more than it
            return _folder_problems(folders)
        return check_segmentation(
            folders['img_path'],
            folders['seg_map_path'],
            classes,
            dataset.get('reduce_zero_label', False),
            suffixes=(
                dataset.get('img_suffix'),
                dataset.get('seg_map_suffix'),
            ),
        ).problems
    if annotations.endswith('.json'):
        images = folders.get('img', Path(root))
        return check_coco(
            Path(root, annotations), images, classes=_classes_of(dataset)
        ).problems
    if annotations.endswith('.npz'):
        return _cloud_problems(Path(root, annotations))
    kind = str(dataset.get('type')).split('.')[-1]
    if kind in CLOUD_SETS:
        part = CLOUD_SETS[kind]
        part = dataset.get('split', '') if part is None else part
        problem = folder_problem(Path(root, part))
        return [problem] if problem else []
    folders = folders or {'root': Path(root, dataset.get('split') or '')}
    return _folder_problems(folders)


def _classes_of(dataset: Mapping) -> list[str] | None:
    """The names that a config gives its classes, None for the data set's."""
    classes = (dataset.get('metainfo') or {}).get('classes')
    return classes if isinstance(classes, list | tuple) else None


def _cloud_problems(path: Path) -> list[str]:
    try:
        read_clouds(path)
    except PointFileError as error:
        return [str(error)]
    return []


def _folder_problems(folders: Mapping[str, Path]) -> list[str]:
    problems = [folder_problem(folder) for folder in folders.values()]
    problems += [
        first_images_problem(folder)
        for folder, problem in zip(folders.values(), problems, strict=True)
        if not problem
    ]
    return [problem for problem in problems if problem]
