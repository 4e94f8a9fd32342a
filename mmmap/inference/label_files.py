"""Files of class maps, written some rows at a time."""

import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tifffile

from ..datasets.image_files import TIFF_SUFFIXES

# Tags that georeference a TIFF: scale, tie points, matrix, keys.
_PLACE_TAGS = (33550, 33922, 34264, 34735)
INSTALL = 'pip install rasterio'


class LabelFile(Protocol):
    """A class map that is being written.

    Attributes:
        path: Of the file.
    """

    path: Path

    def write(self, labels: np.ndarray) -> None:
        """The next rows (h, W)."""

    def close(self) -> None:
        """Finish the file."""


class PngRows:
    """A PNG of one channel, of 8 or 16 bits.

    Args:
        path: Of the file.
        height: H.
        width: W.
        dtype: uint8 or uint16.

    Source: the PNG specification (ISO/IEC 15948), chunks IHDR, IDAT, IEND.
    """

    def __init__(
        self, path: Path, height: int, width: int, dtype: type
    ) -> None:
        self.path, self._big_endian = path, np.dtype(dtype).newbyteorder('>')
        self._file = open(path, 'wb')  # noqa: SIM115 (until close)
        self._packed = zlib.compressobj(4)
        self._file.write(b'\x89PNG\r\n\x1a\n')
        bits = 8 * np.dtype(dtype).itemsize
        header = struct.pack('>IIBBBBB', width, height, bits, 0, 0, 0, 0)
        self._chunk(b'IHDR', header)

    def write(self, labels: np.ndarray) -> None:
        """The next rows (h, W)."""
        rows = np.ascontiguousarray(labels, self._big_endian)
        content = rows.view(np.uint8).reshape(len(rows), -1)
        # Each row begins with the number of its filter: none.
        filtered = np.pad(content, ((0, 0), (1, 0)))
        self._chunk(b'IDAT', self._packed.compress(filtered.tobytes()))

    def close(self) -> None:
        """Write the end."""
        self._chunk(b'IDAT', self._packed.flush())
        self._chunk(b'IEND', b'')
        self._file.close()

    def _chunk(self, kind: bytes, content: bytes) -> None:
        if kind == b'IDAT' and not content:
            return  # zlib keeps it for later
        check = zlib.crc32(kind + content)
        self._file.write(struct.pack('>I', len(content)) + kind + content)
        self._file.write(struct.pack('>I', check))


class GeoTiffRows:
    """A GeoTIFF of one channel, georeferenced as another image.

    Args:
        path: Of the file.
        height: H.
        width: W.
        dtype: uint8 or uint16.
        source: The GeoTIFF whose georeference it gets.
    """

    def __init__(
        self,
        path: Path,
        height: int,
        width: int,
        dtype: type,
        source: str | Path,
    ) -> None:
        import rasterio

        self.path, self._row = path, 0
        with rasterio.open(source) as image:
            points, crs = image.gcps
            place: dict[str, Any] = dict(
                crs=image.crs, transform=image.transform
            )
            if points:
                place = dict(crs=crs, gcps=points)
        self._file = rasterio.open(
            path,
            'w',
            driver='GTiff',
            height=height,
            width=width,
            count=1,
            dtype=np.dtype(dtype).name,
            compress='deflate',
            BIGTIFF='IF_SAFER',
            **place,
        )

    def write(self, labels: np.ndarray) -> None:
        """The next rows (h, W)."""
        from rasterio.windows import Window

        height, width = labels.shape
        window = Window(0, self._row, width, height)
        self._file.write(labels, 1, window=window)
        self._row += height

    def close(self) -> None:
        """Write the end."""
        self._file.close()


def has_place(path: str | Path) -> bool:
    """Whether a file is a georeferenced TIFF."""
    if not str(path).lower().endswith(TIFF_SUFFIXES):
        return False
    try:
        with tifffile.TiffFile(path) as file:
            return any(tag in file.pages[0].tags for tag in _PLACE_TAGS)
    except Exception:  # damaged bytes raise anything; reading will say so
        return False


@cache
def can_place() -> bool:
    """Whether the package that writes GeoTIFFs is installed."""
    try:
        import rasterio  # noqa: F401
    except ImportError:
        return False
    return True


def label_file(
    path: Path, height: int, width: int, dtype: type, source: str | Path
) -> LabelFile:
    """Begin the class map of an image.

    Args:
        path: Without its suffix.
        height: H.
        width: W.
        dtype: uint8 or uint16.
        source: The image. For a GeoTIFF, the class map is a GeoTIFF too, if
            rasterio is installed; otherwise it is a PNG.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if can_place() and has_place(source):
        file = path.with_name(f'{path.name}.tif')
        return GeoTiffRows(file, height, width, dtype, source)
    file = path.with_name(f'{path.name}.png')
    return PngRows(file, height, width, dtype)
