"""Checks of a config's data before anything is trained.

The data sets are built as training builds them, and their samples are read
with the steps of the config. A quick check lists all files and opens a few, a
full one opens all of them.
"""

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Mapping

from mmengine.registry import DefaultScope

from ...wording import counted, some_of
from ..config_datasets import metrics_of
from ..image_folders import IMAGE_SUFFIXES, list_images
from ..points.base import PointSet
from .building import parts_of
from .class_maps import check_class_maps, ignored_values
from .clouds import check_clouds
from .coco import check_coco
from .copies import check_copies, check_shared
from .files import check_files, check_outputs
from .heads import check_heads
from .inputs import check_channels, check_padding
from .labels import check_folders_agree, check_labels, number_of_classes
from .look import look
from .metric_files import check_metric_files
from .names import (
    check_agreement,
    check_categories,
    check_checkpoint,
    check_folders,
    check_named,
)
from .objects import check_objects
from .parts import Part
from .pipelines import check_pipeline
from .report import DataError, Finding, Report
from .samples import Looked

__all__ = [
    'IMAGE_SUFFIXES',
    'DataError',
    'Finding',
    'Report',
    'check_data',
    'check_dataset',
    'list_images',
    'look_at_data',
    'refuse',
    'some_of',
    'unlike',
]

Progress = Callable[[str], None]


def look_at_data(
    config: Mapping,
    splits: tuple[str, ...] = ('train', 'val'),
    full: bool = False,
    progress: Progress | None = None,
) -> list[Report]:
    """Check the data sets of a config.

    Args:
        config: An mmengine config.
        splits: Which, e.g. ``('train', 'val')``. A test split that equals the
            validation split is not checked twice.
        full: Open every file, not only a few.
        progress: Called with a line every 2 seconds.

    Returns:
        A report on the model's heads, and one for each data set.
    """
    splits = unlike(config, splits)
    scope = config.get('default_scope') or 'mmengine'
    with DefaultScope.overwrite_default_scope(scope), _no_collection():
        return _reports(config, splits, full, progress)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the garbage collector; millions of numbers slow it down."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def _reports(
    config: Mapping,
    splits: tuple[str, ...],
    full: bool,
    progress: Progress | None,
) -> list[Report]:
    files: dict[str, dict] = {}
    parts = list(parts_of(config, splits, files))
    built = [part for part in parts if part.dataset is not None]
    for part in built:
        check_categories(part)
        check_folders(part)
        check_named(part, metrics_of(config, part.split))
    check_agreement(built)
    check_folders_agree(built)
    check_metric_files(config, built, files)
    model = check_heads(config, built)
    check_checkpoint(config, built, model)
    looked = [(p, _look_at_part(p, config, full, progress)) for p in built]
    check_shared([part for part in built if not part.unsplit])
    if full:
        check_copies([pair for pair in looked if not pair[0].unsplit])
    return [model, *(part.report for part in parts)]


def unlike(config: Mapping, splits: tuple[str, ...]) -> tuple[str, ...]:
    """The splits, without a test split that equals the validation split."""
    pairs = [
        [config.get(f'{split}_{what}') for split in ('val', 'test')]
        for what in ('dataloader', 'evaluator')
    ]
    same = 'val' in splits and all(val == test for val, test in pairs)
    return tuple(s for s in splits if not (same and s == 'test'))


def _look_at_part(
    part: Part, config: Mapping, full: bool, progress: Progress | None
) -> list[Looked]:
    if isinstance(part.dataset, PointSet):
        check_files(part)
        check_clouds(part, full)
        return []
    metrics = metrics_of(config, part.split)
    if part.is_coco:
        masks = any('segm' in str(m.get('metric')) for m in metrics)
        check_coco(part, masks)
    elif not part.is_segmentation:
        check_labels(part, config)
    check_objects(part, metrics)
    check_files(part)
    check_outputs(part, metrics)
    if any('not there' in f.what for f in part.report.errors):
        return []
    ignored = ignored_values(config, part.split)
    number = number_of_classes(part, config)
    looks = look(part, number, ignored, full, progress)
    check_channels(part, looks, config)
    check_padding(part, config, number, ignored)
    check_pipeline(part, looks, config, metrics)
    values = [one.values for one in looks if one.values is not None]
    if values:
        check_class_maps(part, sum(values), len(values), ignored)
    return looks


def check_data(
    config: Mapping, splits: tuple[str, ...], skip_bad: bool = False
) -> list[str]:
    """Check data sets quickly, and refuse those that cannot be used.

    Args:
        config: An mmengine config.
        splits: Which, for example ``('train', 'val')``.
        skip_bad: Training skips unusable samples.

    Returns:
        The warnings, and a last line on how much was checked.

    Raises:
        DataError: There are errors; the message has all of them.
    """
    begin = time.perf_counter()
    reports = look_at_data(config, splits)
    refuse(reports, skip_bad)
    notes = [
        f'{report.split or "config"}: {finding}'
        for report in reports
        for finding in report.findings
    ]
    opened = sum(r.counts.get('opened', 0) for r in reports)
    listed = sum(
        r.counts.get('images', r.counts.get('clouds', 0)) for r in reports
    )
    seconds = time.perf_counter() - begin
    return [
        *dict.fromkeys(notes),
        f'checked the data in {seconds:.1f} s: '
        f'{counted(listed, "file")} listed, {opened:,} opened; '
        'tools/check_data.py opens all',
    ]


def refuse(reports: list[Report], skip_bad: bool = False) -> None:
    """Raise the errors of reports, if there are any.

    Args:
        reports: Of data sets.
        skip_bad: Training skips unusable samples.

    Raises:
        DataError: There are errors; the message has all of them.
    """
    problems = [
        f'{report.split or "config"}: {finding}'
        for report in reports
        for finding in report.errors
        if not (skip_bad and finding.skippable and report.split == 'train')
    ]
    if problems:
        raise DataError(
            'the data sets of this config cannot be used:\n  '
            + '\n  '.join(dict.fromkeys(problems))
        )


def check_dataset(settings: Mapping, scope: str, full: bool = False) -> Report:
    """Check one data set.

    Args:
        settings: Of the data set, as in a config.
        scope: The library of its type, for example ``'mmdet'``.
        full: Open every file, not only a few.
    """
    config = dict(default_scope=scope, train_dataloader=dict(dataset=settings))
    return look_at_data(config, ('train',), full)[1]
