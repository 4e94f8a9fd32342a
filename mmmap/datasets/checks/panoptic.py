"""JSON files in COCO's panoptic format, as mmdet reads them."""

from collections.abc import Mapping

from ...wording import some_of
from .coco_format import check_keys
from .report import Report

_KEYS = {
    'images': ('id', 'file_name', 'width', 'height'),
    'annotations': ('image_id', 'file_name', 'segments_info'),
    'categories': ('id', 'name', 'isthing'),
}
_SEGMENT = ('id', 'category_id', 'area', 'bbox')


def check_panoptic(
    report: Report, place: str, path: str, content: Mapping, meta: Mapping
) -> None:
    """Check the keys and categories of a panoptic JSON.

    Args:
        report: Gets the findings.
        place: Of the data set in the config.
        path: The file.
        content: Its content.
        meta: The metainfo of the data set.
    """
    for kind, keys in _KEYS.items():
        check_keys(report, path, kind, content.get(kind) or [], keys)
    if report.errors:
        return
    segments = [
        segment
        for annotation in content.get('annotations') or []
        for segment in annotation['segments_info']
    ]
    check_keys(report, path, 'segments', segments, _SEGMENT)
    if not report.errors:
        _check_classes(report, place, path, content, segments, meta)


def _check_classes(
    report: Report,
    place: str,
    path: str,
    content: Mapping,
    segments: list,
    meta: Mapping,
) -> None:
    """Check that each segment has a class, and things come before stuff."""
    categories = content['categories']
    used = {segment['category_id'] for segment in segments}
    unknown = used - {c['id'] for c in categories}
    if unknown:
        report.error(
            path,
            'segments have category ids that are not in its categories: '
            + some_of(sorted(unknown)),
        )
        return
    things = [bool(c['isthing']) for c in categories]
    if things != sorted(things, reverse=True):
        report.error(
            path,
            'has things (isthing 1) after stuff in its categories; mmdet '
            'numbers labels in this order and expects things first',
            'list categories of things before those of stuff',
        )
    needed = [c['name'] for c in categories if c['id'] in used]
    place = f'{place}.metainfo'
    _check_metainfo(report, place, path, categories, needed, meta)


def _check_metainfo(
    report: Report,
    place: str,
    path: str,
    categories: list,
    needed: list[str],
    meta: Mapping,
) -> None:
    """Check the classes of a config against the categories of a file."""
    do = f'write metainfo={_metainfo(categories)}'
    classes = meta.get('classes') or ()
    names = [c['name'] for c in categories]
    labels = [name for name in names if name in classes]
    absent = [name for name in needed if name not in classes]
    if absent:
        report.error(
            f'{place}.classes',
            f'({some_of(classes)}) lacks {some_of(absent)}, of which '
            f'{path} has segments; mmdet needs a class for each',
            do,
        )
        return
    if labels != [name for name in classes if name in names]:
        report.error(
            f'{place}.classes',
            f'is ({some_of(classes)}), but mmdet numbers labels by the order '
            f'of the categories in {path}: ({some_of(labels)})',
            do,
        )
    things = meta.get('thing_classes') or ()
    wrong = [
        c['name']
        for c in categories
        if c['name'] in labels and (c['name'] in things) != bool(c['isthing'])
    ]
    if wrong:
        report.warn(
            f'{place}.thing_classes',
            f'does not agree with isthing in {path} for {some_of(wrong)}',
            do,
        )


def _metainfo(categories: list) -> str:
    """What to write for the classes of a file, if that is short."""
    if len(categories) > 10:
        return 'dict(classes=..., thing_classes=..., stuff_classes=...)'
    names, things, stuff = [], [], []
    for category in categories:
        names.append(category['name'])
        (things if category['isthing'] else stuff).append(category['name'])
    return (
        f'dict(classes={tuple(names)!r}, thing_classes={tuple(things)!r}, '
        f'stuff_classes={tuple(stuff)!r})'
    )
