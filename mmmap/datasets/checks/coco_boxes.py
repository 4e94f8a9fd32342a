"""Boxes of a COCO JSON against their images, areas and outlines."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...wording import counted, some_of
from .report import Report

_COMPARED = 10_000  # outlines that are compared with their boxes
_HABIT = 4  # fewer boxes than this may be slips
_FORM = 'bbox is [x, y, width, height] in pixels'


class _Boxes(NamedTuple):
    """The boxes of a file, with one row for each annotation.

    Attributes:
        ids: Of the annotations.
        xywh: (N, 4), as written.
        size: (N, 2), width and height of the image.
        area: (N,), as written; NaN where there is none.
        bounds: (N, 4), the corners of the outlines; NaN where not known.
    """

    ids: list
    xywh: np.ndarray
    size: np.ndarray
    area: np.ndarray
    bounds: np.ndarray

    @property
    def corners(self) -> np.ndarray:
        """(N, 4), left, top, right and bottom."""
        near = self.xywh[:, :2]
        return np.hstack([near, near + self.xywh[:, 2:]])

    @property
    def beyond(self) -> np.ndarray:
        """(N,), whether a box leaves its image by more than a pixel."""
        low, high = self.corners[:, :2], self.corners[:, 2:]
        return (low < -1).any(1) | (high > self.size + 1).any(1)

    def named(self, chosen: np.ndarray) -> str:
        return some_of(f'id {self.ids[k]}' for k in np.flatnonzero(chosen))


def check_boxes(
    report: Report, path: str, annotations: list, sizes: Mapping
) -> None:
    """Check the boxes of a file.

    Args:
        report: Gets the findings.
        path: The file.
        annotations: Its annotations, of listed images.
        sizes: Width and height of each image, by id.
    """
    if not annotations:
        return
    bounds = np.full((len(annotations), 4), np.nan)
    step = 1 + len(annotations) // _COMPARED
    bounds[::step] = [
        _bounds(a.get('segmentation')) for a in annotations[::step]
    ]
    boxes = _Boxes(
        [a['id'] for a in annotations],
        np.array([a['bbox'] for a in annotations], float),
        np.array([sizes[a['image_id']] for a in annotations], float),
        np.array([a.get('area', np.nan) for a in annotations], float),
        bounds,
    )
    if not (
        _are_corners(report, path, boxes) or _are_shares(report, path, boxes)
    ):
        _check_places(report, path, boxes)
        _check_outlined(report, path, boxes)


def _are_corners(report: Report, path: str, boxes: _Boxes) -> bool:
    """Whether boxes are [x1, y1, x2, y2]; report it."""
    low, high = boxes.xywh[:, :2], boxes.xywh[:, 2:]
    if not ((high > low) & (high <= boxes.size + 1)).all():
        return False
    beyond = boxes.beyond
    # An area that fits the sides between corners does not fit width x height.
    fits_area = np.isclose(boxes.area, (high - low).prod(1))
    fits_area &= (low > 0).any(1)
    fits_outline = np.isclose(boxes.bounds, boxes.xywh, atol=1.5).all(1)
    fits_outline &= (np.abs(boxes.bounds[:, :2]) > 2).any(1)
    evidence = beyond | fits_area | fits_outline
    if evidence.sum() < max(_HABIT, len(evidence) / 2):
        return False
    report.error(
        path,
        f'boxes look like corners [x1, y1, x2, y2]: {beyond.sum():,} of '
        f'{len(beyond):,} would reach beyond their image; '
        f'{boxes.named(evidence)}',
        'bbox is [x, y, width, height]: write [x1, y1, x2 - x1, y2 - y1]',
    )
    return True


def _are_shares(report: Report, path: str, boxes: _Boxes) -> bool:
    """Whether boxes are fractions of the image; report it."""
    xywh = boxes.xywh
    if len(xywh) < _HABIT or xywh.max() > 1.5 or not (xywh > 0).any():
        return False
    report.error(
        path,
        'all boxes lie within 0 to 1, like fractions of the image',
        f'{_FORM}: multiply by the size of the image',
    )
    return True


def _check_places(report: Report, path: str, boxes: _Boxes) -> None:
    """Warn of boxes that mmdet drops or cuts, and of odd areas."""
    low = boxes.corners[:, :2].clip(0)
    high = np.minimum(boxes.corners[:, 2:], boxes.size)
    sides, total = boxes.xywh[:, 2:], len(boxes.xywh)
    empty = (high <= low).any(1) | (boxes.area <= 0) | (sides < 1).any(1)
    if empty.any():
        what = counted(
            int(empty.sum()),
            'annotation has no area or lies outside its image',
            'annotations have no area or lie outside their image',
        )
        report.warn(
            path,
            f'{what}; mmdet drops them: {boxes.named(empty)}',
            'correct or remove them',
        )
    beyond = boxes.beyond & ~empty
    if beyond.any():
        report.warn(
            path,
            f'{beyond.sum():,} of {counted(total, "box", "boxes")} '
            f'{"reaches" if beyond.sum() == 1 else "reach"} beyond the '
            f'image: {boxes.named(beyond)}',
            _FORM,
        )
    full = sides.prod(1).clip(1e-9)
    odd = (boxes.area > 1.5 * full + 4) | (boxes.area < 0.001 * full)
    odd &= ~empty
    if odd.sum() > total / 2:
        report.warn(
            path,
            f'areas do not fit their boxes ({odd.sum():,} of {total:,}): '
            f'{boxes.named(odd)}; the metric sorts objects into small, medium '
            'and large by them',
            'write area in pixels',
        )


def _check_outlined(report: Report, path: str, boxes: _Boxes) -> None:
    """Check that boxes lie where their outlines do."""
    known = ~np.isnan(boxes.bounds[:, 0])
    low = np.maximum(boxes.corners[:, :2], boxes.bounds[:, :2])
    high = np.minimum(boxes.corners[:, 2:], boxes.bounds[:, 2:])
    shared = (high - low).clip(0).prod(1)
    outlined = (boxes.bounds[:, 2:] - boxes.bounds[:, :2]).clip(1e-9).prod(1)
    union = outlined + boxes.xywh[:, 2:].prod(1) - shared
    off = known & (shared < 0.3 * union)
    if off.any():
        # A few may be occluded objects; most are in another format.
        add = report.error if off.sum() > known.sum() / 2 else report.warn
        add(
            path,
            f'{off.sum():,} of {counted(int(known.sum()), "box", "boxes")} '
            f'{"does" if off.sum() == 1 else "do"} not lie where the outline '
            f'is: {boxes.named(off)}',
            'bbox is [x, y, width, height], segmentation [[x, y, x, y, ...]]',
        )


def _bounds(outline) -> list[float]:
    """[x1, y1, x2, y2] of polygons; NaN for everything else."""
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
