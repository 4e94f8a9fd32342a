"""The format of a COCO JSON, which the libraries do not check."""

import math
from collections import Counter
from collections.abc import Sequence

from ...wording import counted, some_of
from .report import Report

_ALWAYS = {
    'images': ('id', 'file_name', 'width', 'height'),
    'annotations': ('id', 'image_id', 'category_id', 'bbox'),
    'categories': ('id', 'name'),
}
_ONE = dict(
    images='image',
    annotations='annotation',
    categories='category',
    segments='segment',
)
_CURES = {
    'area': "write the mask's area in pixels, or width x height of the bbox",
    'iscrowd': 'write "iscrowd": 0 into each, unless it is a crowd',
}


def check_format(
    report: Report, path: str, content: dict, needed: Sequence[str] = ()
) -> None:
    """Check the keys, ids and numbers of all entries.

    Args:
        report: Gets the errors.
        path: The file.
        content: Its content.
        needed: Keys that each annotation needs besides the usual ones.
    """
    for kind, keys in _ALWAYS.items():
        extra = needed if kind == 'annotations' else ()
        entries = content.get(kind) or []
        check_keys(report, path, kind, entries, (*keys, *extra))
    if not report.errors:
        _check_ids(report, path, content)
        _check_categories(report, path, content)
        _check_references(report, path, content)
        _check_numbers(report, path, content)


def check_keys(
    report: Report, path: str, kind: str, entries: list, keys: Sequence[str]
) -> None:
    """Check that entries are dicts with some keys.

    Args:
        report: Gets the errors.
        path: The file.
        kind: Of the entries, for example ``'images'``.
        entries: What is checked.
        keys: Those that each entry needs.
    """
    wrong = [k for k, e in enumerate(entries) if not isinstance(e, dict)]
    if wrong:
        what = f'{kind} that are not dicts, by position: {some_of(wrong)}'
        report.error(path, what)
        return
    for key in keys:
        lacking = [e for e in entries if key not in e]
        if lacking:
            ids = some_of(f'id {e.get("id", "?")}' for e in lacking)
            what = f'{_have(len(lacking), kind)} no "{key}": {ids}'
            report.error(path, what, _CURES.get(key, ''))


def _check_ids(report: Report, path: str, content: dict) -> None:
    for kind in _ALWAYS:
        counts = Counter(e['id'] for e in content.get(kind) or [])
        repeated = [key for key, n in counts.items() if n > 1]
        if repeated:
            report.error(
                path,
                f'ids of {kind} that are used more than once: '
                f'{some_of(repeated)}',
                'give each entry its own id',
            )


def _check_categories(report: Report, path: str, content: dict) -> None:
    odd = [c for c in content['categories'] if not isinstance(c['name'], str)]
    if odd:
        names = some_of(f'id {c["id"]} ({c["name"]!r})' for c in odd)
        report.error(
            path,
            f'{_have(len(odd), "categories")} a "name" that is not text: '
            f'{names}',
            'write names in quotes',
        )


def _check_references(report: Report, path: str, content: dict) -> None:
    """Check that ids and references have one type: 1 is not '1'."""
    for key, kind in (('image_id', 'images'), ('category_id', 'categories')):
        known = {str(e['id']): e['id'] for e in content.get(kind) or []}
        other = [
            a
            for a in content.get('annotations') or []
            if known.get(str(a[key]), a[key]) != a[key]
        ]
        if other:
            first = other[0][key]
            report.error(
                path,
                f'{_have(len(other), "annotations")} the {key} {first!r}, '
                f'but the id in {kind} is {known[str(first)]!r}',
                'write all ids as numbers, or all as text',
            )


def _check_numbers(report: Report, path: str, content: dict) -> None:
    annotations = content.get('annotations') or []
    wrong = [a for a in annotations if not _is_box(a['bbox'])]
    if wrong:
        ids = some_of(f'id {a["id"]} ({a["bbox"]!r})' for a in wrong)
        report.error(
            path,
            f'{_have(len(wrong), "annotations")} a bbox that is not four '
            f'numbers [x, y, width, height]: {ids}',
        )
    for key, kind in (('area', 'annotations'), ('width', 'images')):
        entries = content.get(kind) or []
        odd = [e for e in entries if key in e and not _is_number(e[key])]
        if odd:
            ids = some_of(f'id {e["id"]} ({e[key]!r})' for e in odd)
            what = f'{_have(len(odd), kind)} a "{key}" that is not a number'
            report.error(path, f'{what}: {ids}')


def _have(number: int, kind: str) -> str:
    return counted(number, f'{_ONE[kind]} has', f'{kind} have')


def _is_number(value) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_box(box) -> bool:
    four = isinstance(box, list | tuple) and len(box) == 4
    return four and all(map(_is_number, box))
