"""What is annotated in a JSON of COCO's form, and what mmdet makes of it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from pycocotools.mask import decode

from .objects import tell_of_dropped
from .parts import Part
from .report import Report, some_of

_ENOUGH = 10_000  # outlines that are compared with their boxes
_DECODED = 500  # run lengths that are decoded
_SOME = 4  # boxes that it takes to speak of a habit


def check_coco(part: Part, judged: bool) -> None:
    """Check the annotations of a part that is a JSON of COCO's form.

    Args:
        part: It is listed already.
        judged: Whether a metric reads the masks of this split's file.
    """
    content, path = part.content, part.dataset.ann_file
    report = part.report
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
        lost = some_of(repr(k) for k in dict.fromkeys(lost))
        report.warn(
            path,
            f'{len(every) - len(mine):,} annotations are of images that it '
            f'does not list, and are dropped: image_id {lost}, its images '
            f'have ids as {next(iter(sizes), None)!r}',
        )
    if every and not mine:
        report.error(path, 'none of its images has an annotation')
    _check_dropped(part, path, mine)
    _check_boxes(report, path, mine, sizes)
    masks = part.loads('with_mask')
    _check_outlines(report, path, mine, sizes, masks, judged)
    _check_unlabelled(part, path, mine)


def _check_dropped(part: Part, path: str, annotations: list) -> None:
    """Tell which categories are no class, and what that drops."""
    names = {c['id']: c['name'] for c in part.content['categories']}
    used = {*getattr(part.dataset, 'cat_ids', names)}
    counts = Counter(
        names.get(a['category_id'], f'id {a["category_id"]!r}')
        for a in annotations
        if a['category_id'] not in used
    )
    if counts:
        tell_of_dropped(part.report, path, counts, len(annotations))


def _ids(annotations: list, chosen: np.ndarray | None = None) -> str:
    if chosen is not None:
        annotations = [annotations[k] for k in np.flatnonzero(chosen)]
    return some_of(f'id {a["id"]}' for a in annotations)


def _check_boxes(
    report: Report, path: str, annotations: list, sizes: dict
) -> None:
    """Check boxes against their images, outlines and areas."""
    if not annotations:
        return
    boxes = np.array([a['bbox'] for a in annotations], float)
    size = np.array([sizes[a['image_id']] for a in annotations], float)
    x, y, w, h = boxes.T
    bounds = np.full((len(boxes), 4), np.nan)
    step = 1 + len(boxes) // _ENOUGH
    bounds[::step] = [
        _bounds(a.get('segmentation')) for a in annotations[::step]
    ]
    if _are_corners(report, path, annotations, boxes, size, bounds):
        return
    if len(boxes) >= _SOME and boxes.max() <= 1.5 and (boxes > 0).any():
        report.error(
            path,
            'all boxes lie within 0 to 1, as if they were fractions of the '
            'image',
            'write bbox in pixels: [x, y, width, height]',
        )
        return
    within = np.minimum(x + w, size[:, 0]) - np.maximum(x, 0)
    upright = np.minimum(y + h, size[:, 1]) - np.maximum(y, 0)
    area = np.array([a.get('area', 1) for a in annotations], float)
    empty = (within <= 0) | (upright <= 0) | (area <= 0)
    empty |= (w < 1) | (h < 1)
    if empty.any():
        report.warn(
            path,
            f'{empty.sum():,} annotations have no area or lie outside their '
            f'image, mmdet drops them: {_ids(annotations, empty)}',
            'correct or remove them',
        )
    beyond = (
        (x < -1) | (y < -1) | (boxes[:, :2] + boxes[:, 2:] > size + 1).any(1)
    )
    beyond &= ~empty
    if beyond.any():
        report.warn(
            path,
            f'{beyond.sum():,} of {len(boxes):,} boxes reach beyond their '
            f'image: {_ids(annotations, beyond)}',
            'bbox is [x, y, width, height] in pixels',
        )
    full = (w * h).clip(1e-9)
    odd = ~empty & ((area > 1.5 * full + 4) | (area < 0.001 * full))
    if odd.sum() > len(boxes) / 2:
        report.warn(
            path,
            f'{odd.sum():,} of {len(boxes):,} areas do not fit their boxes: '
            f'{_ids(annotations, odd)}; the metric tells small from large '
            'objects by them',
            'write area in pixels',
        )
    _check_fit(report, path, annotations, boxes, bounds)


def _are_corners(
    report: Report,
    path: str,
    annotations: list,
    boxes: np.ndarray,
    size: np.ndarray,
    bounds: np.ndarray,
) -> bool:
    """Whether boxes are [x1, y1, x2, y2]; note it."""
    corners = (boxes[:, 2:] > boxes[:, :2]) & (boxes[:, 2:] <= size + 1)
    if not corners.all():
        return False
    beyond = (boxes[:, :2] + boxes[:, 2:] > size + 1).any(1)
    sides = boxes[:, 2:] - boxes[:, :2]
    area = np.array([a.get('area', np.nan) for a in annotations], float)
    # The area as written fits the sides between corners, not the others.
    told = np.isclose(area, sides.prod(1)) & (boxes[:, :2] > 0).any(1)
    fits = np.isclose(bounds, boxes, atol=1.5).all(1) & (
        np.abs(bounds[:, :2]) > 2
    ).any(1)
    evidence = beyond | told | fits
    if evidence.sum() < max(_SOME, len(boxes) / 2):
        return False
    why = f'{beyond.sum():,} of {len(boxes):,} reach beyond their image'
    report.error(
        path,
        f'boxes look like corners [x1, y1, x2, y2]: {why}; '
        f'{_ids(annotations, evidence)}',
        'bbox is [x, y, width, height]: write [x1, y1, x2 - x1, y2 - y1]',
    )
    return True


def _bounds(outline) -> list[float]:
    """[x1, y1, x2, y2] of polygons; NaN for what is none."""
    rings = outline if isinstance(outline, list) else ()
    rings = [r for r in rings if isinstance(r, list) and len(r) >= 6]
    if not rings or not all({*map(type, r)} <= {int, float} for r in rings):
        return [np.nan] * 4
    return [
        min(min(ring[::2]) for ring in rings),
        min(min(ring[1::2]) for ring in rings),
        max(max(ring[::2]) for ring in rings),
        max(max(ring[1::2]) for ring in rings),
    ]


def _check_fit(
    report: Report,
    path: str,
    annotations: list,
    boxes: np.ndarray,
    bounds: np.ndarray,
) -> None:
    """Check that boxes and outlines are of the same place."""
    known = ~np.isnan(bounds[:, 0])
    ends = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    low = np.maximum(ends[:, :2], bounds[:, :2])
    high = np.minimum(ends[:, 2:], bounds[:, 2:])
    shared = (high - low).clip(0).prod(1)
    own = (bounds[:, 2:] - bounds[:, :2]).clip(1e-9).prod(1)
    both = own + boxes[:, 2:].prod(1) - shared
    off = known & (shared < 0.3 * both)
    if off.any():
        # A few may be of occluded objects; most are of another order.
        told = report.error if off.sum() > known.sum() / 2 else report.warn
        told(
            path,
            f'{off.sum():,} of {known.sum():,} boxes do not lie where their '
            f'outlines do: {_ids(annotations, off)}',
            'bbox is [x, y, width, height], segmentation [[x, y, x, y, ...]]',
        )


def _check_outlines(
    report: Report,
    path: str,
    annotations: list,
    sizes: dict,
    masks: bool,
    judged: bool,
) -> None:
    """Check outlines; what is none ends a validation without its name."""
    if not (masks or judged):
        return
    bare = [a for a in annotations if not a.get('segmentation')]
    if bare:
        report.error(
            path,
            f'{len(bare):,} annotations have no segmentation, which a config '
            f'with masks needs: {_ids(bare)}',
            'add outlines, or train a detector without masks',
        )
    told: dict[str, list] = {}
    packed = [a for a in annotations if _is_packed(a.get('segmentation'))]
    for annotation in packed[:: 1 + len(packed) // _DECODED]:
        if not _can_unpack(annotation['segmentation']):
            told.setdefault('cannot be decoded', []).append(annotation)
    for annotation in annotations:
        outline = annotation.get('segmentation')
        size = sizes[annotation['image_id']]
        why = outline_problem(outline, size) if outline else ''
        if why:
            told.setdefault(why, []).append(annotation)
    for why, those in told.items():
        report.error(
            path,
            f'{len(those):,} annotations have an outline (segmentation) that '
            f'{why}: {_ids(those)}',
            'write [[x1, y1, x2, y2, x3, y3, ...], ...], or remove them',
        )


def _is_packed(outline) -> bool:
    """Whether these are run lengths as COCO packs them into a text."""
    return isinstance(outline, dict) and isinstance(outline.get('counts'), str)


def _can_unpack(outline: dict) -> bool:
    try:
        decode(outline)
    except (TypeError, ValueError):
        return False
    return True


def outline_problem(outline, size: Sequence[int]) -> str:
    """Why a segmentation is none; empty for one that is.

    Args:
        outline: Polygons or run lengths of COCO's.
        size: Width and height of the image.
    """
    if isinstance(outline, dict):
        shape, counts = outline.get('size'), outline.get('counts')
        if not isinstance(counts, list | str) or shape is None:
            return 'has run lengths without counts and size'
        if list(shape) != [size[1], size[0]]:
            return (
                f'has run lengths of size {list(shape)} in an image of '
                f'[height, width] = {[size[1], size[0]]}'
            )
        if isinstance(counts, list) and sum(counts) != size[0] * size[1]:
            return 'has run lengths that do not add up to the image'
        return ''
    if not isinstance(outline, list):
        return f'is a {type(outline).__name__}'
    if not all(isinstance(ring, list) for ring in outline):
        return 'is a flat list, expected a list of rings'
    for ring in outline:
        if len(ring) < 6:
            return f'has a ring of {len(ring) // 2} points, expected 3 or more'
        if len(ring) % 2:
            return 'has a ring of an odd number of coordinates'
        if not {*map(type, ring)} <= {int, float}:
            return 'has a ring that is not of numbers'
    return ''


def _check_unlabelled(part: Part, path: str, annotations: list) -> None:
    """Tell of images without annotations, which training passes over."""
    images = part.content['images']
    annotated = {a['image_id'] for a in annotations}
    blank = [i for i in images if i['id'] not in annotated]
    left = len(part.listed) - len(part.items)
    if blank and annotations and left:
        part.report.warn(
            path,
            f'{len(blank):,} images have no annotation, mmdet drops them in '
            'training (filter_empty_gt): '
            + some_of(i['file_name'] for i in blank),
        )
