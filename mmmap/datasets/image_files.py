"""What is in image files, and which files of a folder are images."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

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
_AT_ONCE = 1 << 22  # pixels; bincount makes 8 bytes of each
# Of Pillow's modes; others have 8 bits a channel.
_BITS = {'1': 1, 'I': 32, 'F': 32}
_ERRORS = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


class Header(NamedTuple):
    """What a file says of its image before a pixel is decoded.

    Attributes:
        width: In pixels, as stored.
        height: In pixels, as stored.
        channels: Of each pixel; 1 for colours of a palette.
        bits: Of each channel.
        orientation: 1 for an upright image, up to 8 for one that its EXIF
            data turn or mirror; from 5 on, width and height change places.
    """

    width: int
    height: int
    channels: int
    bits: int
    orientation: int = 1


def read_header(path: str | Path) -> Header | str:
    """Size, channels and bits of an image, or the reason why there is none."""
    try:
        with _any_size(), Image.open(path) as image:
            mode = image.mode
            bits = 16 if ';16' in mode else _BITS.get(mode, 8)
            if mode == 'I' and image.format == 'PNG':
                bits = 16
            turn = _orientation(image)
            return Header(*image.size, len(image.getbands()), bits, turn)
    except _ERRORS as error:
        return f'{path} ({error})'


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation of an image; Pillow turns TIFF files itself."""
    if 'exif' not in image.info:
        return 1
    try:
        turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    # Cameras write all kinds of EXIF data; images are good without them.
    except Exception:
        return 1
    return turn if turn in range(1, 9) else 1


def read_pixels(path: str | Path) -> np.ndarray | str:
    """An image as it is stored, upright as OpenCV turns it.

    Args:
        path: The file.

    Returns:
        The array (H, W) or (H, W, C); or the reason why there is none.
    """
    try:
        with _any_size(), Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image))
    except _ERRORS as error:
        return f'{path} ({error})'


def count_values(labels: np.ndarray, least: int = 0) -> np.ndarray:
    """How often each value occurs, in the memory of a few rows.

    Args:
        labels: (H, W), whole numbers from 0.
        least: Length of the counts, which may be longer.
    """
    rows = max(1, _AT_ONCE // max(1, labels.shape[1]))
    counts = np.zeros(least, np.int64)
    for top in range(0, len(labels), rows):
        found = np.bincount(labels[top : top + rows].ravel())
        longer = max(len(found), len(counts))
        counts = np.pad(counts, (0, longer - len(counts)))
        counts[: len(found)] += found
    return counts


@contextmanager
def _any_size() -> Iterator[None]:
    """Let Pillow open large images; OpenCV, which trains, reads them."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def is_stray(name: str) -> bool:
    """Whether a file or folder was left by a program, and is no data."""
    return name.startswith(('.', '__MACOSX', '@eaDir', '__pycache__'))


def list_images(
    folder: str | Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES
) -> list[str]:
    """Paths of the images in a folder and below it, sorted.

    Hidden files and folders are passed over: what archives of other systems
    bring along, as ``._a.jpg``, is no image.
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


def class_names(root: str | Path) -> list[str]:
    """Names of the class folders of a split, in label order."""
    if not Path(root).is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(root) if entry.is_dir())


def folder_problem(folder: str | Path) -> str | None:
    """Why nothing can be read from a folder, or None.

    Returns:
        That it is missing, no folder, or empty.
    """
    folder = Path(folder)
    if not folder.exists():
        return f'{folder} does not exist'
    if not folder.is_dir():
        return f'{folder} is a file, expected a folder'
    if not any(folder.iterdir()):
        return f'{folder} is empty'
    return None
