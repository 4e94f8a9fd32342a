"""A name and a colour for every class of a model."""

import colorsys
from collections.abc import Mapping, Sequence

import numpy as np
from torch import nn

# Hues a golden ratio apart stay distinct for any number.
_STEP = 0.618034
_TRIES = 4096  # of hues; many round to the same 8-bit colour


def complete_meta(meta: Mapping, model: nn.Module) -> dict:
    """Complete the names and colours of a model's classes.

    Args:
        meta: ``classes`` and ``palette``, each possibly missing or too short.
        model: Its heads determine the number of classes.

    Returns:
        The same, with a name for each class and, unless the palette is None
        or a library's name (such as ``'random'``), a colour for each.
    """
    classes = list(meta.get('classes') or ())
    count = max(len(classes), _num_classes(model))
    classes += [str(label) for label in range(len(classes), count)]
    found = {**meta, 'classes': tuple(classes)}
    palette = meta.get('palette')
    of_colours = isinstance(palette, Sequence) and not isinstance(palette, str)
    if of_colours and palette and isinstance(palette[0], Sequence):
        found['palette'] = complete_palette(palette, count)
    return found


def complete_palette(
    palette: Sequence[Sequence[int]], count: int
) -> list[tuple[int, ...]]:
    """A colour for each of ``count`` classes: given ones, then new ones.

    Colours repeat when there are no new ones, after about 2,000 classes.
    """
    colours = [tuple(colour) for colour in palette][:count]
    hue = 0.0
    for _ in range(_TRIES):
        if len(colours) == count:
            break
        hue = (hue + _STEP) % 1
        light = 1.0 if len(colours) % 2 else 0.7
        made = colorsys.hsv_to_rgb(hue, 0.8, light)
        colour = tuple(round(255 * value) for value in made)
        if colour not in colours:
            colours.append(colour)
    return [colours[k % len(colours)] for k in range(count)]


def distinct_colours(count: int) -> np.ndarray:
    """Distinguishable colours, (count, 3), uint8 RGB."""
    return np.array(complete_palette([], count), np.uint8).reshape(-1, 3)


def _num_classes(model: nn.Module) -> int:
    """The largest number of classes of any part of a model."""
    counts = [getattr(part, 'num_classes', 0) for part in model.modules()]
    return max((n for n in counts if isinstance(n, int)), default=0)
