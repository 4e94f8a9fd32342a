"""Predictions drawn over images, as fast as images are predicted."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

_LARGEST = 2048  # pixels of a picture's longer edge
_COVER = 0.45


def draw_classes(
    image: np.ndarray,
    labels: np.ndarray,
    palette: Sequence[Sequence[int]],
) -> np.ndarray:
    """Lay a class map over an image.

    Args:
        image: (H, W, 3), uint8, RGB.
        labels: (H, W); what has no colour stays clear.
        palette: RGB of each class.

    Returns:
        (h, w, 3), uint8; large images are shrunk.
    """
    step = _step(image)
    image, labels = image[::step, ::step], labels[::step, ::step]
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
) -> np.ndarray:
    """Draw boxes, outlines, names and scores into an image.

    Args:
        image: (H, W, 3), uint8, RGB.
        objects: With ``bbox``, ``label``, ``name``, ``score`` and perhaps
            ``polygons``.
        palette: RGB of each class.

    Returns:
        (h, w, 3), uint8; large images are shrunk.
    """
    step = _step(image)
    picture = Image.fromarray(np.ascontiguousarray(image[::step, ::step]))
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
    step = _step(image)
    picture = Image.fromarray(np.ascontiguousarray(image[::step, ::step]))
    draw = ImageDraw.Draw(picture)
    draw.rectangle(draw.textbbox((2, 2), text), fill='black')
    draw.text((2, 2), text, fill='white')
    return np.asarray(picture)


def _step(image: np.ndarray) -> int:
    return -(-max(image.shape[:2]) // _LARGEST)
