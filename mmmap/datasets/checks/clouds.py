"""Point clouds: their labels, and whether they can be opened."""

from collections import Counter
from pathlib import Path

import numpy as np

from ...wording import counted, some_of
from ..point_files import PointFileError
from .labels import warn_of_absent
from .parts import Part

_SAMPLED = 50


def check_clouds(part: Part, full: bool) -> None:
    """Open the clouds of a part, all of them or a few at equal distances."""
    report, items, dataset = part.report, part.items, part.dataset
    paths = {str(item['path']) for item in items if 'path' in item}
    absent = {path for path in paths if not Path(path).is_file()}
    there = [k for k, x in enumerate(items) if str(x['path']) not in absent]
    labels = Counter(x['gt_label'] for x in items if 'gt_label' in x)
    report.counts['clouds'] = report.counts.pop('images', len(items))
    report.counts['classes'] = len(labels)
    _tables(part, labels)
    if not full and len(there) > _SAMPLED:
        chosen = np.linspace(0, len(there) - 1, _SAMPLED).astype(int)
        there = [there[k] for k in chosen]
    wrong = list(filter(None, (_problem(dataset, k) for k in there)))
    report.counts['opened'] = len(there) - len(wrong)
    if wrong:
        report.error(
            part.place,
            f'{counted(len(wrong), "cloud")} cannot be used: {some_of(wrong)}',
            'correct or remove them',
        )


def _tables(part: Part, labels: Counter) -> None:
    total = sum(labels.values())
    if not total or part.relabelled:
        return
    names = part.names or [str(k) for k in sorted(labels)]
    part.report.tables['classes'] = {
        name: dict(clouds=labels[k], share=labels[k] / total)
        for k, name in enumerate(names)
    }
    warn_of_absent(part.report, part.place, names, labels)


def _problem(dataset, index: int) -> str | None:
    try:
        dataset[index]
    except PointFileError as error:
        return str(error)
    return None
