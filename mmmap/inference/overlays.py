"""Drawing predictions over images, fast enough for prediction."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ..datasets.shown import as_picture

_LARGEST = 2048  # pixels of a picture's longer edge
_COVER = 0.45


class Shrunk:
    """A shrunken image and class map for a picture, collected row by row.

    Args:
        height: Of the image.
        width: Of the image.

    Attributes:
        step: Every ``step``-th row and column is kept.
    """

    def __init__(self, height: int, width: int) -> None:
        self.step = -(-max(height, width) // _LARGEST)
        self._rows = 0
        self._pixels: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []

    def add(
        self, pixels: np.ndarray, labels: np.ndarray | None = None
    ) -> None:
        """The next rows (h, W, C) of the image and (h, W) of its classes."""
        first = -self._rows % self.step
        self._rows += len(pixels)
        # Copied, or the whole band would stay in memory.
        self._pixels.append(pixels[first :: self.step, :: self.step].copy())
        if labels is not None:
            labels = labels[first :: self.step, :: self.step]
            self._labels.append(labels.copy())

    @property
    def pixels(self) -> np.ndarray:
        """(h, w, 3), uint8, RGB."""
        return as_picture(np.concatenate(self._pixels))[..., ::-1]

    @property
    def labels(self) -> np.ndarray:
        """(h, w)."""
        return np.concatenate(self._labels)


def draw_classes(
    image: np.ndarray,
    labels: np.ndarray,
    palette: Sequence[Sequence[int]],
) -> np.ndarray:
    """Lay a class map over an image.

    Args:
        image: (H, W, 3), uint8, RGB.
        labels: (H, W); labels without a colour are transparent.
        palette: RGB of each class.

    Returns:
        (H, W, 3), uint8.
    """
    colours = np.asarray(palette, np.float32)
    known = labels < len(colours)
    drawn = image.astype(np.float32)
    drawn[known] *= 1 - _COVER
    drawn[known] += _COVER * colours[labels[known]]
    return drawn.round().astype(np.uint8)


def draw_objects(
    image: np.ndarray,
    objects: Sequence[Mapping[str, Any]],
    palette: Sequence[Sequence[int]],
    step: int = 1,
) -> np.ndarray:
    """Draw boxes, outlines, names and scores into an image.

    Args:
        image: (H, W, 3), uint8, RGB.
        objects: With ``bbox``, ``label``, ``name``, ``score`` and perhaps
            ``polygons``.
        palette: RGB of each class.
        step: Factor by which the image, but not its objects, was shrunk.

    Returns:
        (H, W, 3), uint8.
    """
    picture = Image.fromarray(np.ascontiguousarray(image))
    draw = ImageDraw.Draw(picture, 'RGBA')
    for one in objects:
        colour = tuple(map(int, palette[one['label'] % len(palette)]))
        for polygon in one.get('polygons', ()):
            if len(polygon) >= 6:
                shrunk = [value / step for value in polygon]
                draw.polygon(shrunk, fill=(*colour, int(255 * _COVER)))
        box = [value / step for value in one['bbox']]
        draw.rectangle(box, outline=colour)
        label = f'{one["name"]} {one["score"]:.2f}'
        place = draw.textbbox(box[:2], label)
        draw.rectangle(place, fill=colour)
        draw.text(box[:2], label, fill='white')
    return np.asarray(picture)


def draw_label(image: np.ndarray, text: str) -> np.ndarray:
    """Write a text into the upper left corner of an image, RGB."""
    picture = Image.fromarray(np.ascontiguousarray(image))
    draw = ImageDraw.Draw(picture)
    draw.rectangle(draw.textbbox((2, 2), text), fill='black')
    draw.text((2, 2), text, fill='white')
    return np.asarray(picture)
