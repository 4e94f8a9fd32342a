"""Predicting on large images in tiles.

Tiles overlap, so that every pixel is predicted with its surroundings. Pixels
are read and classes returned one row of tiles at a time, so that an image may
be larger than the memory.

H W pixels of the image, T edge of a tile, N objects.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple, Protocol

import numpy as np

_SAME, _INSIDE = 0.5, 0.8  # overlaps from which on two boxes are one object
_EDGE = 2.0  # pixels; a box this near the edge of its tile is cut off


class Source(Protocol):
    """An image whose rows are read by slicing: an array, or a file."""

    shape: tuple[int, ...]

    def __getitem__(self, rows: slice) -> np.ndarray:
        """(h, W, ...)."""


class Tile(NamedTuple):
    """A part of an image, and the core of it whose prediction is used.

    Attributes:
        x1: Left edge.
        y1: Upper edge.
        x2: Right edge, exclusive.
        y2: Lower edge, exclusive.
        core: The same for the core; the cores of all tiles cover the image
            without overlap.
    """

    x1: int
    y1: int
    x2: int
    y2: int
    core: tuple[int, int, int, int]


def tiles_of(height: int, width: int, edge: int, overlap: int) -> list[Tile]:
    """Cover an image with tiles of one size.

    Args:
        height: Of the image.
        width: Of the image.
        edge: Edge of a tile; it is smaller only if the image is.
        overlap: Least overlap of neighbours, in pixels.
    """
    rows, columns = _spans(height, edge, overlap), _spans(width, edge, overlap)
    return [
        Tile(x1, y1, x2, y2, (left, top, right, bottom))
        for y1, y2, top, bottom in rows
        for x1, x2, left, right in columns
    ]


def _spans(length: int, edge: int, overlap: int) -> list[tuple]:
    """Begin and end of the tiles along an axis, and of their cores."""
    edge = min(edge, length)
    step = max(1, edge - overlap)
    count = 1 + -(-(length - edge) // step)
    begins = [k * (length - edge) // max(count - 1, 1) for k in range(count)]
    # Cores meet in the middle of the overlap.
    cuts = [
        (first + edge + second) // 2
        for first, second in zip(begins, begins[1:])
    ]
    ends = [0, *cuts, length]
    return [
        (begin, begin + edge, ends[k], ends[k + 1])
        for k, begin in enumerate(begins)
    ]


def bands_of(
    source: Source, tiles: Sequence[Tile]
) -> Iterator[tuple[list[Tile], np.ndarray]]:
    """Each row of tiles and its pixels (h, W, ...), read once."""
    for (y1, y2), row in groupby(tiles, lambda tile: (tile.y1, tile.y2)):
        yield list(row), source[y1:y2]


def class_rows(
    source: Source,
    tiles: Sequence[Tile],
    predict: Callable[[list[np.ndarray]], Iterable[np.ndarray]],
    dtype: type = np.uint8,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The class of each pixel, one band of rows after another.

    Args:
        source: Pixels (H, W, ...), read by rows.
        tiles: That cover it, row by row.
        predict: Class maps (h, w) of parts (h, w, ...) of the image.
        dtype: Of the class maps.

    Yields:
        Classes (h, W) and pixels (h, W, ...) of the next rows.
    """
    for row, pixels in bands_of(source, tiles):
        y1, (_, top, _, bottom) = row[0].y1, row[0].core
        rows = slice(top - y1, bottom - y1)
        labels = np.empty((bottom - top, pixels.shape[1]), dtype)
        parts = [pixels[:, tile.x1 : tile.x2] for tile in row]
        for tile, found in zip(row, predict(parts)):
            left, _, right, _ = tile.core
            inside = slice(left - tile.x1, right - tile.x1)
            labels[:, left:right] = found[rows, inside]
        yield labels, pixels[rows]


def objects_of_tiles(
    source: Source,
    tiles: Sequence[Tile],
    predict: Callable[[list[np.ndarray]], Iterable[Sequence[dict[str, Any]]]],
    seen: Callable[[np.ndarray], None] = lambda pixels: None,
) -> list[dict[str, Any]]:
    """The objects in an image, each once.

    Args:
        source: Pixels (H, W, ...), read by rows.
        tiles: That cover it, row by row.
        predict: Objects of parts of the image: ``bbox`` (x1, y1, x2, y2),
            ``label``, ``score`` and perhaps ``polygons``, each (2 N,).
        seen: Takes the pixels of the image, band by band.
    """
    found = []
    for row, pixels in bands_of(source, tiles):
        y1, (_, top, _, bottom) = row[0].y1, row[0].core
        parts = [pixels[:, tile.x1 : tile.x2] for tile in row]
        for tile, objects in zip(row, predict(parts)):
            for one in objects:
                moved = _moved(one, tile.x1, tile.y1)
                cut = _is_cut(moved['bbox'], tile, source.shape)
                found.append({**moved, 'cut': cut})
        seen(pixels[top - y1 : bottom - y1])
    return merged(found)


def merged(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One of each group of boxes that are the same object.

    Boxes of a class are the same if they share half of their union; or, if one
    is cut off by the edge of its tile, if most of the smaller lies in the
    other. Whole boxes are preferred to cut ones.
    """
    order = sorted(found, key=lambda one: (one['cut'], -one['score']))
    kept: list[dict[str, Any]] = []
    boxes = np.zeros((len(order), 4))
    for one in order:
        rivals = [k for k, o in enumerate(kept) if o['label'] == one['label']]
        union, smaller = _shared(np.asarray(one['bbox']), boxes[rivals])
        limit = _INSIDE if one['cut'] else 2.0
        if (union > _SAME).any() or (smaller > limit).any():
            continue
        boxes[len(kept)] = one['bbox']
        kept.append({k: v for k, v in one.items() if k != 'cut'})
    return sorted(kept, key=lambda one: -one['score'])


def _shared(
    box: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The intersection, as a share of the union and of the smaller box."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    own = np.prod(box[2:] - box[:2])
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    tiny = 1e-9
    return (
        common / np.maximum(own + areas - common, tiny),
        common / np.maximum(np.minimum(own, areas), tiny),
    )


def _moved(one: dict[str, Any], x: int, y: int) -> dict[str, Any]:
    """Move an object from its tile's coordinates to the image's."""
    left, top, right, bottom = one['bbox']
    found = {**one, 'bbox': [left + x, top + y, right + x, bottom + y]}
    if 'polygons' in one:
        found['polygons'] = [_shift(p, x, y) for p in one['polygons']]
    return found


def _shift(polygon: Sequence[float], x: int, y: int) -> list[float]:
    return [v + (y if k % 2 else x) for k, v in enumerate(polygon)]


def _is_cut(box: Sequence[float], tile: Tile, shape: Sequence[int]) -> bool:
    """Whether a box ends at an edge of its tile inside the image."""
    left, top, right, bottom = box
    height, width = shape[:2]
    return (
        (left - tile.x1 < _EDGE and tile.x1 > 0)
        or (top - tile.y1 < _EDGE and tile.y1 > 0)
        or (tile.x2 - right < _EDGE and tile.x2 < width)
        or (tile.y2 - bottom < _EDGE and tile.y2 < height)
    )
