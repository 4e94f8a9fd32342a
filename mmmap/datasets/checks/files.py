"""Whether the files that a data set lists are there, and what it passes over.

A folder is listed once instead of asking for each of its files: over a
network that is the difference between a second and minutes.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..image_files import IMAGE_SUFFIXES, is_stray, list_images
from .parts import Part, is_local
from .report import some_of
from .written import lines_of

_FEW = 64  # files of a folder that are asked for one by one
# Images too, though no library reads them unless told how.
_OTHERS = ('.gif', '.heic', '.heif', '.avif', '.jp2', '.jxl', '.svg', '.dcm')
# What a file of a cloud or video is called by the data sets that have them.
_KEYS = ('img_path', 'seg_map_path', 'path')


def check_files(part: Part) -> None:
    """Check that all files are there; tell what is passed over."""
    if part.dataset is None or not is_local(part.dataset):
        return
    _check_missing(part)
    _check_repeated(part)
    folders = (getattr(part.dataset, 'data_prefix', None) or {}).get(
        'img_path'
    )
    if folders and not getattr(part.dataset, 'ann_file', ''):
        _check_hidden(part)
        _check_passed_over(part)
        _check_unused_maps(part)


def paths_of(item: dict, maps: bool = True) -> Iterator[str]:
    """The files of a sample, class maps only where they are loaded."""
    for key in _KEYS:
        path = item.get(key)
        if isinstance(path, list):
            yield from map(str, path)
        elif path and (maps or key != 'seg_map_path'):
            yield str(path)


def missing_of(paths: Iterable[str]) -> list[str]:
    """Those of some files that are not there."""
    by_folder = defaultdict(list)
    for path in dict.fromkeys(paths):
        folder, name = os.path.split(path)
        by_folder[folder].append(name)
    missing = []
    for folder, names in by_folder.items():
        if len(names) > _FEW and os.path.isdir(folder):
            there = set(os.listdir(folder))
            absent = [name for name in names if name not in there]
        else:
            absent = [
                n for n in names if not os.path.isfile(os.path.join(folder, n))
            ]
        missing += [os.path.join(folder, name) for name in absent]
    return missing


def _check_missing(part: Part) -> None:
    maps = part.loads_annotations
    each = [list(paths_of(item, maps)) for item in part.listed]
    missing = missing_of(path for paths in each for path in paths)
    if not missing:
        return
    folders = {
        folder
        for path in missing
        if not os.path.isdir(folder := os.path.dirname(path))
    }
    told = some_of(_named(part, missing, each))
    what = f'{len(missing):,} listed files are not there: {told}'
    if len(folders) == 1 and len(missing) > 1:
        what = f'the folder does not exist; {what}'
        part.report.error(folders.pop(), what, _absent_cure(part, missing))
        return
    place = getattr(part.dataset, 'ann_file', '') or part.place
    part.report.error(place, what, _absent_cure(part, missing))


def _check_repeated(part: Part) -> None:
    """Tell of images that a list names more than once.

    The objects or labels of one entry are wrong for the other.
    """
    counts = Counter(str(i.get('img_path') or '') for i in part.listed)
    again = [path for path, n in counts.items() if path and n > 1]
    if again:
        part.report.warn(
            getattr(part.dataset, 'ann_file', '') or part.place,
            f'{len(again):,} images are listed more than once, each time '
            f'with annotations of its own: {some_of(again)}',
            'join their annotations into one entry',
        )


def _named(part: Part, missing: list[str], each: list[list[str]]) -> list[str]:
    """The missing files, with the line of the list where there is one."""
    lines = lines_of(part.dataset)
    if not lines or len(lines) != len(each):
        return missing
    line_of = {p: k for k, paths in enumerate(each, 1) for p in paths}
    return [f'{path} (line {line_of[path]})' for path in missing]


def _absent_cure(part: Part, missing: list[str]) -> str:
    """What to do about files that are not there."""
    doubled = [
        p
        for p in missing
        if Path(Path(p).stem).suffix.lower() in IMAGE_SUFFIXES
    ]
    if doubled and hasattr(part.dataset, 'img_suffix'):
        return (
            'img_suffix and seg_map_suffix are added to the names: list them '
            'without their suffix'
        )
    if any('\\' in path for path in missing):
        return 'backslashes are no separators here: write / instead'
    if part.is_segmentation and all(
        p in {item.get('seg_map_path') for item in part.listed}
        for p in missing[:_FEW]
    ):
        return (
            'each image needs a class map of its name with seg_map_suffix '
            f'{part.dataset.seg_map_suffix!r}'
        )
    return 'correct the names, data_prefix or data_root'


def _check_hidden(part: Part) -> None:
    """Name samples in folders that a program left there."""
    folder = (part.dataset.data_prefix or {}).get('img_path') or ''
    found = Counter()
    for item in part.items:
        path = str(item.get('img_path') or '')
        inside = path.removeprefix(folder).split('/')[:-1]
        stray = [name for name in inside if is_stray(name)]
        if stray:
            found[stray[0]] += 1
    for name in found.keys() - set(part.folders or ()):
        what = f'a program left this folder; its {found[name]:,} images'
        part.report.warn(
            os.path.join(folder, name), f'{what} are used', 'delete it'
        )


def _check_passed_over(part: Part) -> None:
    """Tell of images that are not used because of their suffix."""
    folder = (part.dataset.data_prefix or {}).get('img_path') or ''
    if not os.path.isdir(folder):
        return
    used = {os.path.normpath(str(i.get('img_path'))) for i in part.listed}
    maps = (part.dataset.data_prefix or {}).get('seg_map_path') or ''
    others = Counter()
    named = {}
    for path in list_images(folder, (*IMAGE_SUFFIXES, *_OTHERS)):
        inside_maps = maps and maps != folder and path.startswith(maps + '/')
        if os.path.normpath(path) in used or inside_maps:
            continue
        suffix = os.path.splitext(path)[1].lower()
        others[suffix] += 1
        named.setdefault(suffix, path)
    if not others:
        return
    told = ', '.join(f'{n:,} {suffix}' for suffix, n in others.items())
    suffixes = ', '.join(repr(s) for s in sorted(others))
    option = (
        f'set extensions=(..., {suffixes}) of the data set to take them, '
        'or convert them'
        if hasattr(part.dataset, 'extensions')
        else 'set img_suffix, or convert them'
        if hasattr(part.dataset, 'img_suffix')
        else ''
    )
    part.report.warn(
        folder,
        f'{sum(others.values()):,} images are passed over ({told}), as '
        f'{some_of(named.values())}',
        option,
    )


def _check_unused_maps(part: Part) -> None:
    """Tell of class maps that have no image."""
    folder = (part.dataset.data_prefix or {}).get('seg_map_path') or ''
    if not part.is_segmentation or not os.path.isdir(folder):
        return
    used = {os.path.normpath(str(i.get('seg_map_path'))) for i in part.listed}
    suffix = part.dataset.seg_map_suffix
    known = used | {os.path.normpath(str(i['img_path'])) for i in part.listed}
    alone = [
        path
        for path in list_images(folder)
        if path.endswith(suffix) and os.path.normpath(path) not in known
    ]
    if alone:
        part.report.warn(
            folder,
            f'{len(alone):,} class maps have no image: {some_of(alone)}',
        )
