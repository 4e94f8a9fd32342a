"""What is in image files."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image, ImageOps

from ..errors import InputError

_AT_ONCE = 1 << 22  # pixels; bincount makes 8 bytes of each
TIFF_SUFFIXES = ('.tif', '.tiff')
# Of Pillow's modes; others have 8 bits a channel.
_BITS = {'1': 1, 'I': 32, 'F': 32}
_TYPES = {'F': 'float32', 'I': 'int32'}
_MOST_CHANNELS = 64  # of a TIFF whose channels are pages
_ALPHA, _CMYK = (1, 2), 5  # of TIFF's ExtraSamples and its photometric
# Our errors say what is wrong with a damaged file.
logging.getLogger('tifffile').setLevel(logging.CRITICAL)
_ERRORS = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


class ReadingError(InputError):
    """An unusable image; the message has its name and the reason."""

    @classmethod
    def damaged(
        cls, path: str | Path, reason: str | Exception = ''
    ) -> 'ReadingError':
        """A file that no decoder can read."""
        why = f' ({reason})' if reason else ''
        return cls(f'{path} is not an image that can be read{why}')


class Header(NamedTuple):
    """What a file says about its image, without decoding a pixel.

    Attributes:
        width: In pixels, as stored.
        height: In pixels, as stored.
        channels: Of each pixel; 1 for colours of a palette.
        bits: Of each channel.
        orientation: Of EXIF, 1 (upright) to 8; from 5 on, width and height are
            swapped.
        dtype: NumPy's type of a channel.
        colour: Whether 8-bit colour loses nothing but transparency.
    """

    width: int
    height: int
    channels: int
    bits: int
    orientation: int = 1
    dtype: str = 'uint8'
    colour: bool = True

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height after the EXIF orientation is followed."""
        size = self.width, self.height
        return size[::-1] if self.orientation >= 5 else size


def read_header(path: str | Path) -> Header | str:
    """Size, channels and bits of an image, or the reason why there is none."""
    try:
        if str(path).lower().endswith(TIFF_SUFFIXES):
            with opened_tiff(path) as file:
                return tiff_header(file)
        with _any_size(), Image.open(path) as image:
            mode = image.mode
            bits = 16 if ';16' in mode else _BITS.get(mode, 8)
            if image.format == 'PNG':  # Pillow's RGB may be of 16 bits
                bits = max(bits % 32, _png_depth(path))
            dtype = 'uint16' if bits == 16 else _TYPES.get(mode, 'uint8')
            size, channels = image.size, len(image.getbands())
            turn = _orientation(image)
            return Header(*size, channels, bits, turn, dtype, bits <= 8)
    except _ERRORS as error:
        return f'{path} ({error})'


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation of an image; Pillow turns TIFF files itself."""
    if 'exif' not in image.info:
        return 1
    try:
        turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    # Cameras write all kinds of EXIF data, and images are fine without.
    except Exception:
        return 1
    return turn if turn in range(1, 9) else 1


@contextmanager
def opened_tiff(path: str | Path) -> Iterator[tifffile.TiffFile]:
    """A TIFF to read from.

    Raises:
        OSError: It cannot be opened.
        ValueError: Reading from it fails in any other way.
    """
    try:
        with tifffile.TiffFile(path) as file:
            yield file
    except OSError:
        raise
    except Exception as error:  # damaged bytes raise anything
        raise ValueError(f'no TIFF that can be read: {error}') from error


def tiff_header(file: tifffile.TiffFile) -> Header:
    """As ``read_header``; the orientation is 1, whatever the tag says."""
    page = file.pages[0]
    (height, width, channels), bits = _tiff_shape(file), page.bitspersample
    # A fourth channel is a colour's, transparency, or something else.
    extra = set(page.extrasamples) <= set(_ALPHA) or page.photometric == _CMYK
    return Header(
        width,
        height,
        channels,
        bits,
        dtype=str(page.dtype),
        colour=bits <= 8 and extra and channels <= 4,
    )


def tiff_orientation(file: tifffile.TiffFile) -> int:
    """The number in the tag, which has the meaning of EXIF's."""
    return file.pages[0].tags.valueof(ExifTags.Base.Orientation, 1)


def _tiff_shape(file: tifffile.TiffFile) -> tuple[int, int, int]:
    """H, W, C of the image in a TIFF, whose pages may be its channels.

    Raises:
        ValueError: It holds several images of one size.
    """
    page, series = file.pages[0], file.series[0]
    if len(series.pages) < 2:
        return page.imagelength, page.imagewidth, page.samplesperpixel
    shape = tuple(length for length in series.shape if length > 1)
    if len(shape) == 3 and min(shape) <= _MOST_CHANNELS:
        # tifffile writes (H, W, C) as H pages by default.
        if shape[0] < shape[2]:
            return (*shape[1:], shape[0])
        return shape
    raise ValueError(
        f'it holds a stack of shape {series.shape}, expected one image: save '
        'each as a file'
    )


def _png_depth(path: str | Path) -> int:
    """Bits of a channel, or of an index; a palette's have 8 at most."""
    with open(path, 'rb') as file:
        return file.read(25)[-1]


def read_channels(path: str | Path) -> np.ndarray:
    """An image with all its channels and bits, upright.

    Args:
        path: A TIFF, or any other file that OpenCV reads.

    Returns:
        (H, W, C), with the file's type and order of channels.

    Raises:
        ValueError: It cannot be decoded.
    """
    if str(path).lower().endswith(TIFF_SUFFIXES):
        return _tiff_channels(path)
    content = np.fromfile(path, np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError('OpenCV cannot decode it')
    with _any_size(), Image.open(path) as header:
        turned = _orientation(header)
    return upright(as_file(np.atleast_3d(image)), turned)


def _tiff_channels(path: str | Path) -> np.ndarray:
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        turned = tiff_orientation(file)
        height, width, channels = _tiff_shape(file)
        try:
            image = np.squeeze(file.series[0].asarray())
        # Its compression needs a package that is not installed.
        except ValueError as error:
            image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            same = image is not None and np.atleast_3d(image).shape == (
                height, width, channels
            )  # fmt: skip
            if not same or str(image.dtype) != str(page.dtype):
                raise ValueError(
                    f'{error}; `pip install imagecodecs`, or save it without '
                    'compression'
                ) from error
            return upright(as_file(np.atleast_3d(image)), turned)
    if image.size != height * width * channels:
        raise ValueError(f'its pixels are of shape {image.shape}')
    if channels == 1 or 1 in (height, width):
        image = image.reshape(height, width, channels)
    if image.shape != (height, width, channels):
        image = image.transpose(1, 2, 0)  # one plane after another
    return upright(np.atleast_3d(image), turned)


def as_file(image: np.ndarray) -> np.ndarray:
    """Swap red and blue, from files' order to OpenCV's or back."""
    if image.shape[-1] < 3:
        return image
    order = [2, 1, 0, *range(3, image.shape[-1])]
    return image[..., order]


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an image (H, W, ...) upright.

    Args:
        image: As stored.
        orientation: Of EXIF, 1 to 8.
    """
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return image


def read_pixels(path: str | Path) -> np.ndarray | str:
    """An image with its stored values, turned upright as OpenCV does.

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


def prepared_channels(
    image: np.ndarray, channels: int, dtype: str, name: str
) -> np.ndarray:
    """Prepare pixels with any number of channels for a model.

    Args:
        image: (H, W, C), in the order of the file.
        channels: The expected C.
        dtype: The expected type: a model trained on 16 bits predicts nonsense
            on 8.
        name: Name of the image, for messages.

    Returns:
        (H, W, C), fp32, in OpenCV's order; 0 where not finite.

    Raises:
        InputError: It is of another kind.
    """
    if (image.shape[-1], str(image.dtype)) != (channels, dtype):
        raise InputError(
            f'{name} has {image.shape[-1]} channels of {image.dtype}, '
            f'expected {channels} of {dtype}, as in training: give images of '
            'the same kind'
        )
    image = as_file(image).astype(np.float32)
    if dtype.startswith('float'):
        image = np.nan_to_num(image, nan=0, posinf=0, neginf=0)
    return np.ascontiguousarray(image)


# A decoder fills missing parts with grey, and a model would predict on them.
def cut_off(path: Path) -> str | None:
    """Why a file is incomplete, or None if it may be complete."""
    if not path.is_file():
        return 'does not exist' if not path.exists() else 'is not a file'
    content = path.read_bytes()
    if not content:
        return 'is empty'
    if content.startswith(b'\xff\xd8\xff'):
        # The end marker has to follow the last start of a scan.
        whole = content.rfind(b'\xff\xd9') > content.rfind(b'\xff\xda')
    elif content.startswith(b'\x89PNG'):
        whole = content.rfind(b'IEND') > 0
    else:
        return None
    return None if whole else 'is cut off; copy it again'


def count_values(labels: np.ndarray, least: int = 0) -> np.ndarray:
    """How often each value occurs, counted some rows at a time.

    Args:
        labels: (H, W), whole numbers from 0.
        least: Least length of the result.
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
