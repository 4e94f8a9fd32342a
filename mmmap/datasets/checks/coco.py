"""Annotations of a COCO JSON, and how mmdet reads them."""

from collections import Counter

from ...wording import counted, some_of
from .coco_boxes import check_boxes
from .coco_outlines import check_outlines
from .objects import warn_of_dropped
from .parts import Part


def check_coco(part: Part, judged: bool) -> None:
    """Check the annotations of a part with a COCO JSON.

    Args:
        part: Its samples are listed already.
        judged: Whether a metric reads masks from the file of this split.
    """
    content, path, report = part.content, part.dataset.ann_file, part.report
    sizes = {i['id']: (i['width'], i['height']) for i in content['images']}
    every = content.get('annotations') or []
    if len(part.items) != len(content['images']):
        report.counts['used'] = len(part.items)
    report.counts.update(
        images=len(content['images']),
        annotations=len(every),
        categories=len(content['categories']),
    )
    mine = [a for a in every if a['image_id'] in sizes]
    if len(mine) < len(every):
        lost = [a['image_id'] for a in every if a['image_id'] not in sizes]
        ids = some_of(repr(k) for k in dict.fromkeys(lost))
        what = counted(
            len(lost),
            'annotation belongs to an unlisted image and is dropped',
            'annotations belong to unlisted images and are dropped',
        )
        report.warn(
            path,
            f'{what}: image_id {ids}; ids of listed images look like '
            f'{next(iter(sizes), None)!r}',
        )
    if every and not mine:
        report.error(path, 'none of its images has an annotation')
    _check_dropped(part, path, mine)
    check_boxes(report, path, mine, sizes)
    if part.loads('with_mask') or judged:
        check_outlines(report, path, mine, sizes)
    _check_unlabelled(part, path, mine)


def _check_dropped(part: Part, path: str, annotations: list) -> None:
    """Warn of annotations whose categories are not classes."""
    names = {c['id']: c['name'] for c in part.content['categories']}
    used = {*getattr(part.dataset, 'cat_ids', names)}
    counts = Counter(
        names.get(a['category_id'], f'id {a["category_id"]!r}')
        for a in annotations
        if a['category_id'] not in used
    )
    if counts:
        warn_of_dropped(part.report, path, counts, len(annotations))


def _check_unlabelled(part: Part, path: str, annotations: list) -> None:
    """Warn of images without annotations, if training drops them."""
    annotated = {a['image_id'] for a in annotations}
    images = part.content['images']
    blank = [i['file_name'] for i in images if i['id'] not in annotated]
    drops = len(part.listed) > len(part.items) and not part.fold
    if blank and annotations and drops:
        what = counted(
            len(blank), 'image has no annotation', 'images have no annotation'
        )
        part.report.warn(
            path,
            f'{what}; mmdet drops them in training '
            f'(filter_empty_gt): {some_of(blank)}',
        )
