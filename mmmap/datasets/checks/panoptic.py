"""JSON files in COCO's panoptic format, as mmdet reads them."""

from collections.abc import Mapping

from ...wording import counted
from .report import Report, some_of

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
        _check_keys(report, path, kind, content.get(kind) or [], keys)
    if report.errors:
        return
    segments = [
        segment
        for annotation in content.get('annotations') or []
        for segment in annotation['segments_info']
    ]
    _check_keys(report, path, 'segments', segments, _SEGMENT)
    if not report.errors:
        _check_classes(report, place, path, content, segments, meta)


def _check_keys(report, path: str, kind: str, entries: list, keys) -> None:
    for key in keys:
        number = sum(
            not isinstance(entry, Mapping) or key not in entry
            for entry in entries
        )
        if number:
            one = 'category' if kind == 'categories' else kind[:-1]
            have = counted(number, f'{one} has', f'{kind} have')
            report.error(path, f'{have} no "{key}"')


def _check_classes(
    report: Report,
    place: str,
    path: str,
    content: Mapping,
    segments: list,
    meta: Mapping,
) -> None:
    """Check that each segment has a class, and things come before stuff."""
    categories = {c['id']: c for c in content['categories']}
    used = {segment['category_id'] for segment in segments}
    unknown = used - set(categories)
    if unknown:
        report.error(
            path,
            'segments have category ids that are not in its categories: '
            + some_of(sorted(unknown)),
        )
        return
    place, classes = f'{place}.metainfo', meta.get('classes') or ()
    names = [c['name'] for c in content['categories']]
    do = f'write metainfo={_metainfo(content)}'
    absent = [c['name'] for k, c in categories.items() if k in used]
    absent = [name for name in absent if name not in classes]
    labels = [name for name in names if name in classes]
    if absent:
        report.error(
            f'{place}.classes',
            f'({some_of(classes)}) lacks {some_of(absent)}, of which '
            f'{path} has segments; mmdet needs a class for each',
            do,
        )
    elif labels != [name for name in classes if name in names]:
        report.error(
            f'{place}.classes',
            f'is ({some_of(classes)}), but mmdet numbers labels by the order '
            f'of the categories in {path}: ({some_of(labels)})',
            do,
        )
    things = [bool(c['isthing']) for c in content['categories']]
    if things != sorted(things, reverse=True):
        report.error(
            path,
            'has things (isthing 1) after stuff in its categories; mmdet '
            'numbers labels in this order and expects things first',
            'list categories of things before those of stuff',
        )
    things = meta.get('thing_classes') or ()
    wrong = [
        c['name']
        for c in content['categories']
        if c['name'] in labels and (c['name'] in things) != bool(c['isthing'])
    ]
    if wrong and not absent:
        report.warn(
            f'{place}.thing_classes',
            f'does not agree with isthing in {path} for {some_of(wrong)}',
            do,
        )


def _metainfo(content: Mapping) -> str:
    """What to write for the classes of a file, if that is short."""
    if len(content['categories']) > 10:
        return 'dict(classes=..., thing_classes=..., stuff_classes=...)'
    names, things, stuff = [], [], []
    for category in content['categories']:
        names.append(category['name'])
        (things if category['isthing'] else stuff).append(category['name'])
    return (
        f'dict(classes={tuple(names)!r}, thing_classes={tuple(things)!r}, '
        f'stuff_classes={tuple(stuff)!r})'
    )
