"""What is there of a set of clouds, and what is missing or wrong."""

from collections.abc import Callable
from pathlib import Path

from mmengine.dataset import BaseDataset

from ..checks import Report, some_of, spread_over
from ..point_files import PointFileError


def check_point_set(
    build: Callable[[], BaseDataset],
    title: str,
    full: bool = False,
    classes: int | None = None,
) -> Report:
    """Build a data set, see that its files are there, and open some of them.

    Args:
        build: Makes it, without a pipeline.
        title: What is checked.
        full: Open every cloud, not a sample.
        classes: How many the model tells apart, if it does.

    Returns:
        Counts ``clouds``, ``classes`` that occur and clouds ``opened``.
    """
    report = Report(title)
    try:
        dataset = build()
    except (PointFileError, ImportError) as error:
        report.problems.append(str(error))
        return report
    named = len(dataset.metainfo.get('classes') or ())
    if classes and named > classes:
        report.problems.append(
            f'the data set has {named} classes, the head has {classes}: set '
            'model.head.num_classes'
        )
    about = [dataset.get_data_info(i) for i in range(len(dataset))]
    labels = {item['gt_label'] for item in about if 'gt_label' in item}
    report.counts.update(clouds=len(about), classes=len(labels))
    absent = sorted(
        {item['path'] for item in about if not Path(item['path']).is_file()}
    )
    if absent:
        report.problems.append(
            f'{len(absent)} files are not there: {some_of(absent)}'
        )
    there = [i for i, x in enumerate(about) if x['path'] not in set(absent)]
    chosen = spread_over(there, full)
    wrong = list(filter(None, (_problem(dataset, i) for i in chosen)))
    report.counts['opened'] = len(chosen) - len(wrong)
    if wrong:
        report.problems.append(
            f'{len(wrong)} clouds cannot be used: {some_of(wrong)}'
        )
    return report


def _problem(dataset: BaseDataset, index: int) -> str | None:
    try:
        dataset[index]
    except PointFileError as error:
        return str(error)
    return None
