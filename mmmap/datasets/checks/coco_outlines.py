"""Outlines (segmentation) of a COCO JSON.

A bad outline ends a validation with an error that does not name it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pycocotools.mask import decode

from ...wording import counted, some_of
from .report import Report

_DECODED = 500  # run lengths that are decoded


def check_outlines(
    report: Report, path: str, annotations: list, sizes: Mapping
) -> None:
    """Check that each annotation has an outline that can be decoded.

    Args:
        report: Gets the findings.
        path: The file.
        annotations: Its annotations, of listed images.
        sizes: Width and height of each image, by id.
    """
    bare = [a for a in annotations if not a.get('segmentation')]
    if bare:
        have = counted(len(bare), 'annotation has', 'annotations have')
        report.error(
            path,
            f'{have} no segmentation, which a config with masks needs: '
            f'{_ids(bare)}',
            'add outlines, or train a detector without masks',
        )
    reasons: dict[str, list] = defaultdict(list)
    packed = [a for a in annotations if _is_packed(a.get('segmentation'))]
    for annotation in packed[:: 1 + len(packed) // _DECODED]:
        if not _can_unpack(annotation['segmentation']):
            reasons['cannot be decoded'].append(annotation)
    for annotation in annotations:
        outline = annotation.get('segmentation')
        size = sizes[annotation['image_id']]
        why = outline_problem(outline, size) if outline else ''
        if why:
            reasons[why].append(annotation)
    for why, wrong in reasons.items():
        have = counted(len(wrong), 'annotation has', 'annotations have')
        report.error(
            path,
            f'{have} an outline (segmentation) that {why}: {_ids(wrong)}',
            'write [[x1, y1, x2, y2, x3, y3, ...], ...], or remove them',
        )


def _ids(annotations: list) -> str:
    return some_of(f'id {a["id"]}' for a in annotations)


def _is_packed(outline) -> bool:
    """Whether run lengths are a string, as in COCO's own files."""
    return isinstance(outline, dict) and isinstance(outline.get('counts'), str)


def _can_unpack(outline: dict) -> bool:
    try:
        decode(outline)
    except (TypeError, ValueError):
        return False
    return True


def outline_problem(outline, size: Sequence[int]) -> str:
    """Why a segmentation cannot be decoded; empty if it can.

    Args:
        outline: Polygons, or run lengths as COCO has them.
        size: Width and height of the image.
    """
    if isinstance(outline, dict):
        return _runs_problem(outline, size)
    if not isinstance(outline, list):
        return f'is a {type(outline).__name__}'
    if not all(isinstance(ring, list) for ring in outline):
        return 'is a flat list, expected a list of rings'
    for ring in outline:
        if len(ring) < 6:
            number = counted(len(ring) // 2, 'point')
            return f'has a ring of {number}, expected 3 or more'
        if len(ring) % 2:
            return 'has a ring with an odd number of coordinates'
        if not {*map(type, ring)} <= {int, float}:
            return 'has a ring with entries that are not numbers'
    return ''


def _runs_problem(outline: dict, size: Sequence[int]) -> str:
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
