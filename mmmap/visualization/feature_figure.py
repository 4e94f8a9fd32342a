"""Features, attention and receptive fields, side by side.

Letters: B images, H W pixels, h w rows and columns of a map.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .depths import ATTENTION, BOTH, CONVOLUTIONS, MAMBA
from .images import save_figure

_TILE = 2.0  # inches
_MARK = '#ff2d55'
_DECADES = 3
_TINTS = {
    MAMBA: '#3b7dd8',
    ATTENTION: '#e08a1e',
    CONVOLUTIONS: '#4a9a5b',
    BOTH: '#8a5fbf',
}


def feature_figure(
    image: np.ndarray,
    colours: Mapping[str, np.ndarray],
    attention: Sequence[tuple[str, np.ndarray]],
    path: str | Path,
    token: tuple[int, int, int, int] | None = None,
) -> None:
    """Draw an image, its features as colours, and attention maps.

    Args:
        image: (H, W, 3), uint8 RGB.
        colours: Features (h, w, 3) in [0, 1] by the name of their depth.
        attention: Titles and maps (h, w) of a second row, or empty.
        path: PNG to write.
        token: Row, column, and rows and columns of the grid, of a token to
            mark.
    """
    columns = 1 + len(colours)
    rows = 1 + -(-len(attention) // columns)
    wide = min(max(image.shape[1] / image.shape[0], 0.6), 2.5) * _TILE
    size = (wide * columns + 0.3, (_TILE + 0.5) * rows + 0.2)
    figure = Figure(figsize=size, layout='constrained')
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    extent = (0, image.shape[1], image.shape[0], 0)
    axes[0, 0].imshow(image, extent=extent)
    axes[0, 0].set_title('image', fontsize=9)
    looks = axes[1:].flat[: len(attention)]
    for axis, (name, rgb) in zip(axes[0, 1:], colours.items()):
        axis.imshow(rgb, extent=extent, interpolation='nearest')
        axis.set_title(f'{name}\nfeatures', fontsize=9)
    for axis, (title, seen) in zip(looks, attention):
        axis.imshow(seen, 'viridis', extent=extent, interpolation='nearest')
        # Uniform attention gives 1 / tokens to each.
        most = seen.max() * seen.size
        axis.set_title(f'{title}\nyellow: {most:.1f} x even', fontsize=8)
    if token is not None:
        for axis in (axes[0, 0], *looks):
            _mark(axis, token, image.shape)
    save_figure(figure, path)


def _mark(axis: Axes, token: tuple, shape: tuple) -> None:
    row, column, h, w = token
    height, width = shape[0] / h, shape[1] / w
    axis.add_patch(
        Rectangle(
            (column * width, row * height),
            width,
            height,
            fill=False,
            edgecolor=_MARK,
            linewidth=1.6,
        )
    )


def field_figure(
    fields: Mapping[str, np.ndarray],
    areas: Mapping[str, float],
    path: str | Path,
    images: int,
) -> None:
    """Draw effective receptive fields of the middle token, and their sizes.

    Args:
        fields: (H, W), not negative, by the name of their depth.
        areas: For each, the share of pixels that holds half of it.
        path: PNG to write.
        images: Number of images in the mean, for the title.
    """
    count = len(fields)
    columns = min(count, 6)
    lines = -(-count // columns)
    figure = Figure(
        figsize=(_TILE * columns + 1, (_TILE + 0.5) * lines + 2.7),
        layout='constrained',
    )
    above, below = figure.subfigures(
        2, 1, height_ratios=[(_TILE + 0.5) * lines + 0.4, 2.3]
    )
    axes = above.subplots(lines, columns, squeeze=False)
    above.suptitle(
        'Effective receptive field of the middle token: mean absolute '
        f'gradient by pixel, {images} image{"s" * (images != 1)}',
        fontsize=10,
    )
    for axis in axes.flat:
        axis.set_axis_off()
    scale = Normalize(-_DECADES, 0)
    for axis, (name, field) in zip(axes.flat, fields.items()):
        logarithm = np.log10(field / max(field.max(), 1e-30) + 1e-12)
        axis.imshow(logarithm, 'magma', norm=scale)
        axis.set_title(f'{name}\nhalf in {areas[name]:.1%} of pixels',
                       fontsize=8)  # fmt: skip
    bar = above.colorbar(ScalarMappable(scale, 'magma'), ax=axes, shrink=0.8)
    ticks = range(-_DECADES, 1)
    bar.set_ticks(ticks, labels=['largest', '1/10', '1/100', '1/1000'][::-1])
    bar.ax.tick_params(labelsize=7)
    _areas(below.subplots(), areas)
    save_figure(figure, path)


def _areas(axis: Axes, areas: Mapping[str, float]) -> None:
    names: Sequence[str] = list(areas)
    shown = set()
    for place, name in enumerate(names):
        kind = name.partition(', ')[2]
        label = None if kind in shown else f'after {kind}'
        shown.add(kind)
        axis.bar(
            place, 100 * areas[name], color=_TINTS[kind],
            label=label,
        )  # fmt: skip
    short = [name.partition(',')[0] for name in names]
    axis.set_xticks(range(len(names)), short, fontsize=8)
    axis.set_ylabel('% of pixels that hold\nhalf of it (even: 50)', fontsize=8)
    axis.set_ylim(0, 140 * max(*areas.values(), 0.01))
    axis.spines[['top', 'right']].set_visible(False)
    axis.tick_params(axis='y', labelsize=8)
    axis.legend(fontsize=8, frameon=False, loc='upper left', ncols=len(shown))
