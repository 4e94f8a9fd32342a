"""Files of a data set that are missing, unused or listed twice.

Listing a folder once, instead of looking for each file, takes seconds instead
of minutes over a network.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ...wording import counted, some_of
from ..image_folders import IMAGE_SUFFIXES, is_stray, list_images
from .parts import Part, is_local
from .written import lines_of

_FEW = 64  # files of a folder that are looked for one by one
# Image formats that no library reads by default.
_OTHERS = ('.gif', '.heic', '.heif', '.avif', '.jp2', '.jxl', '.svg', '.dcm')
# Keys of a sample that name files.
_KEYS = ('img_path', 'seg_map_path', 'path')


def check_files(part: Part) -> None:
    """Check that all files are there, and warn of unused ones."""
    if part.dataset is None or not is_local(part.dataset):
        return
    _check_missing(part)
    _check_repeated(part)
    folders = (getattr(part.dataset, 'data_prefix', None) or {}).get(
        'img_path'
    )
    if folders and not getattr(part.dataset, 'ann_file', ''):
        _check_leftovers(part)
        _check_unread(part)
        _check_unused_maps(part)


def check_outputs(part: Part, metrics: Iterable[Mapping]) -> None:
    """Check that mmseg does not write two class maps into one file.

    It names them after the images, without folders.
    """
    folder = next((m['output_dir'] for m in metrics if m.get('output_dir')), 0)
    if not folder or not part.is_segmentation:
        return
    names = Counter(Path(path).stem for path in part.paths)
    shared = [name for name, number in names.items() if number > 1]
    if shared:
        part.report.error(
            part.place,
            f'{counted(len(shared), "name is", "names are")} shared by images '
            f'of different folders or suffixes, and mmseg would write their '
            f'class maps into one file of {folder}: {some_of(shared)}',
            'rename the images, or test one folder at a time',
        )


def paths_of(item: dict, maps: bool = True) -> Iterator[str]:
    """The files of a sample; class maps only if they are loaded."""
    for key in _KEYS:
        path = item.get(key)
        if isinstance(path, list):
            yield from map(str, path)
        elif path and (maps or key != 'seg_map_path'):
            yield str(path)


def missing_of(paths: Iterable[str]) -> list[str]:
    """The files that do not exist."""
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
    are = counted(
        len(missing), 'listed file is not there', 'listed files are not there'
    )
    what, where = f'{are}: {some_of(_named(part, missing, each))}', part.file
    if len(folders) == 1 and len(missing) > 1:
        what, where = f'the folder does not exist; {what}', folders.pop()
    do = _missing_cure(part, missing)
    part.report.error(where, what, do, files=tuple(missing))


def _check_repeated(part: Part) -> None:
    """Warn of images that are listed more than once.

    Each entry lacks the objects or labels of the others.
    """
    counts = Counter(str(i.get('img_path') or '') for i in part.listed)
    again = [path for path, n in counts.items() if path and n > 1]
    if again:
        part.report.warn(
            part.file,
            counted(len(again), 'image is', 'images are')
            + f' listed more than once: {some_of(again)}',
            'put all annotations of an image into one entry',
        )


def _named(part: Part, missing: list[str], each: list[list[str]]) -> list[str]:
    """The missing files, with their lines if a list has them."""
    lines = lines_of(part.dataset)
    if not lines or len(lines) != len(each):
        return missing
    line_of = {p: k for k, paths in enumerate(each, 1) for p in paths}
    return [f'{path} (line {line_of[path]})' for path in missing]


def _missing_cure(part: Part, missing: list[str]) -> str:
    """What to do about missing files."""
    doubled = [
        p
        for p in missing
        if Path(Path(p).stem).suffix.lower() in IMAGE_SUFFIXES
    ]
    if doubled and hasattr(part.dataset, 'img_suffix'):
        return (
            'the data set adds img_suffix and seg_map_suffix to the names: '
            'list them without a suffix'
        )
    if any('\\' in path for path in missing):
        return 'backslashes do not separate folders here: write /'
    if part.is_segmentation and _are_of_maps(part, missing):
        return (
            'class maps lie among the images and have their img_suffix: move '
            'them into their own folder, or set an img_suffix that they lack'
        )
    if part.is_segmentation and all(
        p in {item.get('seg_map_path') for item in part.listed}
        for p in missing[:_FEW]
    ):
        return (
            'each image needs a class map of the same name with the '
            f'seg_map_suffix {part.dataset.seg_map_suffix!r}'
        )
    return 'correct the names, data_prefix or data_root'


def _are_of_maps(part: Part, missing: list[str]) -> bool:
    """Whether the missing class maps belong to class maps, as a_mask_mask."""
    suffix = part.dataset.seg_map_suffix
    end = os.path.splitext(suffix)[0]
    return bool(end) and all(path.endswith(end + suffix) for path in missing)


def _check_leftovers(part: Part) -> None:
    """Warn of samples in folders that programs leave behind."""
    folder = (part.dataset.data_prefix or {}).get('img_path') or ''
    found = Counter()
    for item in part.items:
        path = str(item.get('img_path') or '')
        inside = path.removeprefix(folder).split('/')[:-1]
        stray = [name for name in inside if is_stray(name)]
        if stray:
            found[stray[0]] += 1
    for name in found.keys() - set(part.folders or ()):
        what = counted(found[name], 'image in it is', 'images in it are')
        part.report.warn(
            os.path.join(folder, name),
            f'was left by a program, but {what} used',
            'delete it',
        )


def _check_unread(part: Part) -> None:
    """Warn of images that are not used because of their suffix."""
    folder = (part.dataset.data_prefix or {}).get('img_path') or ''
    if not os.path.isdir(folder):
        return
    used = {
        os.path.normpath(str(item.get(key)))
        for item in part.listed
        for key in ('img_path', 'seg_map_path')
    }
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
    kinds = ', '.join(f'{n:,} {suffix}' for suffix, n in others.items())
    suffixes = ', '.join(repr(s) for s in sorted(others))
    option = (
        f'set extensions=(..., {suffixes}) of the data set to use them, '
        'or convert them'
        if hasattr(part.dataset, 'extensions')
        else 'set img_suffix, or convert them'
        if hasattr(part.dataset, 'img_suffix')
        else ''
    )
    part.report.warn(
        folder,
        counted(sum(others.values()), 'image is', 'images are')
        + f' not used because of the suffix ({kinds}), for example '
        + some_of(named.values()),
        option,
    )


def _check_unused_maps(part: Part) -> None:
    """Warn of class maps that have no image."""
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
            counted(len(alone), 'class map has', 'class maps have')
            + f' no image: {some_of(alone)}',
        )
