"""Rows of TIFFs that are too large to be read as a whole."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from ..errors import InputError
from .image_files import (
    TIFF_SUFFIXES,
    opened_tiff,
    tiff_header,
    tiff_orientation,
)

_LARGE = 1 << 25  # pixels; smaller images are read as a whole
_GREY, _RGB = 1, 2  # of TIFF's photometric


class TiffRows:
    """An image in a file, of which rows are read by slicing.

    Args:
        path: A TIFF whose strips or tiles can be decoded one by one.
        convert: Applied to pixels (h, W, C), which have the file's order of
            channels.

    Attributes:
        shape: H, W, C after ``convert``.
        dtype: Type after ``convert``.

    Raises:
        ValueError: It cannot be read by rows.
    """

    def __init__(
        self, path: str | Path, convert: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        self._path, self._convert = Path(path), convert
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            height, self._width = page.imagelength, page.imagewidth
            self._edges = page.rowsperstrip, page.imagewidth
            if page.is_tiled:
                self._edges = page.tilelength, page.tilewidth
            self._mapped = None
            if page.is_memmappable:
                mapped = tifffile.memmap(path, page=0, mode='r')
                planes = mapped.ndim == 3 and page.planarconfig == 2
                self._mapped = mapped.transpose(1, 2, 0) if planes else mapped
            elif self._edges[0] * self._edges[1] > _LARGE:
                raise ValueError('it is one strip, decoded as a whole')
        example = self[0:1]
        self.shape = (height, *example.shape[1:])
        self.dtype = example.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Rows (h, W, C)."""
        if self._mapped is not None:
            return self._convert(np.atleast_3d(self._mapped[rows]))
        with tifffile.TiffFile(self._path) as file:
            page = file.pages[0]
            top, bottom, _ = rows.indices(page.imagelength)
            found = np.zeros(
                (bottom - top, self._width, page.samplesperpixel), page.dtype
            )
            for index in self._segments(page, top, bottom):
                self._place(page, index, found, top)
        return self._convert(found)

    def _segments(self, page, top: int, bottom: int) -> list[int]:
        """Numbers of the strips or tiles with these rows, in the file."""
        height, width = self._edges
        across = -(-page.imagewidth // width)
        down = -(-page.imagelength // height)
        planes = page.samplesperpixel if page.planarconfig == 2 else 1
        return [
            (plane * down + y) * across + x
            for plane in range(planes)
            for y in range(top // height, -(-bottom // height))
            for x in range(across)
        ]

    def _place(self, page, index: int, found: np.ndarray, top: int) -> None:
        """Decode a strip or tile into the rows from ``top``."""
        handle = page.parent.filehandle
        handle.seek(page.dataoffsets[index])
        data = handle.read(page.databytecounts[index])
        options = {}
        if page.jpegtables is not None:
            options['jpegtables'] = page.jpegtables
        part, position, shape = page.decode(data, index, **options)
        if part is None:  # sparse: nothing was written there
            return
        plane, _, y, x, _ = position
        # Tiles reach over the lower and the right edge.
        height = min(shape[1], page.imagelength - y)
        width = min(shape[2], page.imagewidth - x)
        part = part[0, :height, :width]
        first, last = max(y, top), min(y + height, top + len(found))
        channels = slice(plane, plane + part.shape[-1])
        found[first - top : last - top, x : x + width, channels] = part[
            first - y : last - y
        ]


def large_rows(
    path: str | Path, convert: Callable[[np.ndarray, str], np.ndarray] | None
) -> TiffRows | None:
    """A large TIFF to read by rows, if that gives what reading all gives.

    Args:
        path: Any image.
        convert: From pixels and the file's name to what is loaded; None for
            8-bit colour, blue first.

    Returns:
        None if it has to be read as a whole.

    Raises:
        InputError: ``convert`` refuses its pixels.
    """
    if not str(path).lower().endswith(TIFF_SUFFIXES):
        return None
    turn = _blue_first if convert is None else lambda p: convert(p, str(path))
    try:
        with opened_tiff(path) as file:
            alike = _slices_are_alike(file, convert is None)
        return TiffRows(path, turn) if alike else None
    except InputError:
        raise
    # Damaged files, and what tifffile decodes with an optional package.
    except (OSError, ValueError, NotImplementedError, tifffile.TiffFileError):
        return None


def _slices_are_alike(file: tifffile.TiffFile, plain: bool) -> bool:
    """Whether an image is large and can be read by rows.

    Args:
        file: The open file.
        plain: Whether it is read as 8-bit colour.
    """
    header, page = tiff_header(file), file.pages[0]
    kinds = {1: _GREY, 3: _RGB}
    colour = (
        header.dtype == 'uint8'
        and kinds.get(header.channels) == page.photometric
    )
    return (
        header.width * header.height >= _LARGE
        and (colour or not plain)
        and tiff_orientation(file) == 1
        and len(file.series[0].pages) == 1  # channels may be pages
    )


def _blue_first(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape[-1] == 1:
        return pixels.repeat(3, -1)
    return np.ascontiguousarray(pixels[..., ::-1])
