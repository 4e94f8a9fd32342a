"""Images with an EXIF orientation, whose annotations may not be turned.

Whether an image is turned upright depends on the step that reads it (its
backend and ``color_type``) and on the kind of file. Class maps and boxes are
never turned: mmseg reads maps as they are stored.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import ExifTags, Image

from ...wording import counted, some_of
from ..image_files import Header
from .report import Report

_SIDEWAYS = 5  # from here on, an orientation swaps width and height
UPRIGHT = (
    'draw the annotations on the image as it is read; or, to read all images '
    "as they are stored, set color_type='color_ignore_orientation' in "
    'LoadImageFromFile of all pipelines'
)


def turns_upright(load: Callable[[Mapping], dict], suffix: str) -> bool:
    """Whether files of a suffix are turned upright when they are read.

    Args:
        load: Reads the image of a sample.
        suffix: For example ``'.jpg'``.
    """
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # a quarter turn
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f'probe{suffix}')
        try:
            Image.new('RGB', (16, 8)).save(path, exif=exif)
            image = load(dict(img_path=str(path), seg_fields=[]))['img']
        # Formats that Pillow cannot write, steps that need more of a sample.
        except Exception:
            return False
    return image.shape[:2] == (16, 8)


def size_as_read(header: Header, upright: bool) -> tuple[int, int]:
    """Width and height of an image once it is read."""
    swap = upright and header.orientation >= _SIDEWAYS
    return header[1::-1] if swap else header[:2]


def explain(header: Header, size: Sequence[int], other: Sequence[int]) -> str:
    """Why an image and its annotations differ in size, if EXIF is the cause.

    Args:
        header: Of the image.
        size: Width and height of the image as it is read.
        other: Width and height of its annotations.
    """
    swapped = tuple(size) == tuple(other)[::-1]
    if header.orientation < _SIDEWAYS or not swapped:
        return ''
    how = 'turned upright' if tuple(size) != header[:2] else 'as it is stored'
    return f' (EXIF orientation {header.orientation}, read {how})'


def is_unclear(header: Header) -> bool:
    """Whether sizes do not show how an image was turned for annotation."""
    square = header.width == header.height
    return header.orientation > 1 and (
        square or header.orientation < _SIDEWAYS
    )


def warn_of_turned(
    report: Report, where: str, turned: Mapping[str, int], upright: bool
) -> None:
    """Warn of images that may have been annotated in another orientation.

    Args:
        report: Gets the warning.
        where: The data set.
        turned: The orientation of each image, by path.
        upright: Whether they are turned upright when they are read.
    """
    kinds = Counter(turned.values())
    counts = ', '.join(f'{n:,} x {kind}' for kind, n in sorted(kinds.items()))
    what = counted(len(turned), 'image has', 'images have')
    how = 'turned upright' if upright else 'as stored'
    report.warn(
        where,
        f'{what} an EXIF orientation ({counts}), read {how}; class maps and '
        f'boxes are never turned: {some_of(turned)}',
        'check that their annotations fit (--pictures draws samples)',
        files=tuple(turned),
    )
