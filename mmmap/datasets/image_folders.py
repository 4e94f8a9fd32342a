"""Which files of a folder are images, and names for their results."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError

IMAGE_SUFFIXES = (
    '.jpg',
    '.jpeg',
    '.jfif',
    '.png',
    '.bmp',
    '.ppm',
    '.pgm',
    '.tif',
    '.tiff',
    '.webp',
)


def is_stray(name: str) -> bool:
    """Whether a file or folder was left by a program and is not data."""
    return name.startswith(('.', '__MACOSX', '@eaDir', '__pycache__'))


def list_images(
    folder: str | Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES
) -> list[str]:
    """Paths of the images in a folder and below it, sorted.

    Hidden files and folders are skipped: files such as ``._a.jpg``, which
    other systems put into archives, are not images.
    """
    found = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not is_stray(name)]
        found += [
            os.path.join(parent, name)
            for name in names
            if name.lower().endswith(suffixes) and not is_stray(name)
        ]
    return sorted(found)


def images_in(
    folder: str | Path,
    what: str = 'images',
    suffixes: tuple[str, ...] = IMAGE_SUFFIXES,
) -> list[Path]:
    """The images in a folder and below it, sorted.

    Raises:
        InputError: There are none.
    """
    files = list_images(folder, suffixes)
    if not files:
        raise InputError(
            f'{folder} has no {what}, nor do the folders in it; expected '
            f'names that end in {", ".join(suffixes)}'
        )
    return list(map(Path, files))


def images_at(paths: Iterable[str | Path]) -> list[Path]:
    """Images among files and folders, in order.

    Raises:
        InputError: A path that does not exist, or a folder without images.
    """
    found = []
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f'there is no {path}')
        found += images_in(path) if path.is_dir() else [path]
    return found


def named_files(files: list[Path], root: Path) -> dict[str, Path]:
    """Choose a different name for the result of each image.

    It is the path below the folder without the suffix. Where two names would
    be equal, ignoring case, the suffix stays; if that is not enough, a number
    is added.

    Args:
        files: The images.
        root: The folder.
    """
    places = [file.relative_to(root) for file in files]
    short = Counter(_folded(place.with_suffix('')) for place in places)
    # Results get a suffix, so their names may clash with folders too.
    parents = {p for place in places for p in place.parents}
    taken = {_folded(place) for place in places}
    taken |= {_folded(p.with_suffix('')) for p in parents if p.suffix}
    named, used = {}, set()
    for place, file in zip(places, files):
        name = place.with_suffix('')
        if short[_folded(name)] > 1 or _folded(name) in taken:
            name = place
        name, number = name.as_posix(), 2
        whole = name
        while whole.casefold() in used:
            whole = f'{name}-{number}'
            number += 1
        used.add(whole.casefold())
        named[whole] = file
    return named


def _folded(path: Path) -> str:
    return path.as_posix().casefold()


def class_names(root: str | Path) -> list[str]:
    """Names of the class folders of a split, in label order."""
    if not Path(root).is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(root) if entry.is_dir())


def folder_problem(folder: str | Path) -> str | None:
    """Why nothing can be read from a folder, or None.

    Returns:
        That it is missing, not a folder, or empty.
    """
    folder = Path(folder)
    if not folder.exists():
        return f'{folder} does not exist'
    if not folder.is_dir():
        return f'{folder} is a file, expected a folder'
    if not any(folder.iterdir()):
        return f'{folder} is empty'
    return None
