"""Objects of any detection data set, as mmdet reads them."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ...wording import counted, some_of
from .labels import warn_of_absent
from .parts import Part
from .report import Report


def warn_of_dropped(
    report: Report, where: str, counts: Counter, total: int
) -> None:
    """Warn of objects that are dropped because no class has their name.

    Args:
        report: Gets the warning.
        where: The file.
        counts: How many objects each name has.
        total: How many objects there are in all.
    """
    extra = some_of(f'{name} ({n:,})' for name, n in counts.most_common())
    report.warn(
        where,
        'annotations whose category is not a class are dropped '
        f'({sum(counts.values()):,} of {total:,}): {extra}',
        'to learn them, add them to metainfo.classes',
    )


def check_objects(part: Part, metrics: Sequence[Mapping] = ()) -> None:
    """Count objects, and check that there are some.

    Args:
        part: Its samples are listed already.
        metrics: The metrics of its split.
    """
    where = part.file
    listed = part.listed or part.items
    if part.dropped:
        kept = sum(len(item.get('instances') or ()) for item in listed)
        total = kept + sum(part.dropped.values())
        warn_of_dropped(part.report, where, part.dropped, total)
    if not any('instances' in item for item in part.items):
        return
    part.report.tables.update(_tables(part))
    if not part.is_coco:
        _check_boxes(part, where)
    table = part.report.tables['classes']
    counts = {k: row['objects'] for k, row in enumerate(table.values())}
    if any(counts.values()):
        warn_of_absent(part.report, where, list(table), counts)
    else:
        _report_none(part, where, metrics)


def _report_none(part: Part, where: str, metrics: Sequence[Mapping]) -> None:
    """Report that there are no objects, if some are needed."""
    ignored = part.report.counts.get('ignored objects')
    if part.split == 'train':
        part.report.error(
            where,
            f'no object is left in {counted(len(part.items), "image")}: '
            + (
                f'all {ignored:,} are crowds or difficult'
                if ignored
                else 'none is of the classes, or none has a box that mmdet '
                'accepts'
            ),
            'see the other findings, and check metainfo.classes',
        )
    elif any(map(_judges, metrics)) and not part.report.errors:
        extra = f' ({ignored:,} are crowds or difficult)' if ignored else ''
        part.report.error(
            where,
            f'has no object of the classes that the metric could find{extra}',
            'add annotations; or, to only write predictions, set '
            'format_only=True of the metric',
        )


def _judges(metric: Mapping) -> bool:
    """Whether a metric compares predictions with annotations."""
    return not (metric.get('format_only') or 'Dump' in str(metric.get('type')))


def _check_boxes(part: Part, where: str) -> None:
    """Check boxes [x1, y1, x2, y2] against their images."""
    every = [
        (item, one['bbox'])
        for item in part.items
        for one in item.get('instances') or ()
    ]
    if not every or {len(box) for _, box in every} != {4}:
        return  # none, or boxes of another kind, such as rotated ones
    boxes = np.array([box for _, box in every], float)
    size = np.array(
        [(i.get('width', np.inf), i.get('height', np.inf)) for i, _ in every],
        float,
    )
    empty = (boxes[:, 2:] - boxes[:, :2] < 1).any(1)
    beyond = (boxes[:, :2] < -1) | (boxes[:, 2:] > size + 1)
    beyond = beyond.any(1) & ~empty
    for found, what in (
        (empty, 'have no width or height'),
        (beyond, 'reach beyond their image'),
    ):
        if not found.any():
            continue
        names = (_name(every[k][0]) for k in np.flatnonzero(found))
        add = part.report.error if found.all() else part.report.warn
        add(
            where,
            f'boxes {what} ({found.sum():,} of {len(boxes):,}): '
            f'{some_of(dict.fromkeys(names))}',
            'write corners in pixels, the smaller ones first',
        )


def _name(item: Mapping) -> str:
    return str(item.get('xml_path') or item.get('img_path'))


def _labels(item: Mapping) -> list[int]:
    """The labels to learn; for panoptic data also those of stuff."""
    if 'segments_info' in item:
        return [one['category'] for one in item['segments_info']]
    found = item.get('instances') or ()
    return [one['bbox_label'] for one in found if not one.get('ignore_flag')]


def _tables(part: Part) -> dict:
    """Objects of each class, and sizes of boxes and masks."""
    names = part.names or ()
    instances, images = Counter(), Counter()
    sides, masks, ignored = [], [], 0
    for item in part.items:
        labels = _labels(item)
        instances.update(labels)
        images.update(set(labels))
        found = item.get('instances') or ()
        ignored += sum(bool(one.get('ignore_flag')) for one in found)
        sides += [one['bbox'] for one in found if len(one['bbox']) == 4]
    if ignored:
        part.report.counts['ignored objects'] = ignored
    for annotation in (part.content or {}).get('annotations') or ():
        if annotation.get('segmentation'):
            masks.append(annotation.get('area', 0))
    total = sum(instances.values()) or 1
    classes = {
        name: dict(
            images=images[k], objects=instances[k], share=instances[k] / total
        )
        for k, name in enumerate(names)
    }
    tables = dict(classes=classes)
    if sides:
        boxes = np.array(sides, float)
        edges = np.sqrt((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1))
        tables['box sizes in pixels'] = spread(edges)
    if masks:
        tables['mask sizes in pixels'] = spread(np.sqrt(masks))
    return tables


def spread(values) -> dict[str, float]:
    """The smallest, the median and the largest number."""
    low, middle, high = np.percentile(np.asarray(values, float), (0, 50, 100))
    rounded = (round(float(v), 1) for v in (low, middle, high))
    return dict(zip(('smallest', 'median', 'largest'), rounded))
