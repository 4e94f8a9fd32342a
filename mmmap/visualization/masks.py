"""Drawing the decoder's attention masks and the maskings.

Letters: h w token grid, L = h*w tokens.
"""

from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch

from ..errors import InputError
from ..models.decoders import ATTENTION_MASKS, attention_mask
from ..models.masking import (
    DiagonalMasking,
    Layout,
    NoMasking,
    RandomMasking,
    SequentialMasking,
)
from .images import save_figure
from .reconstruction import METHODS

HIDDEN, SHOWN, ASKING = '#3b4a6b', '#f2d07c', '#d1495b'
_CELL = 1.9  # inches


def mask_figure(
    grid: tuple[int, int],
    path: str | Path,
    ratio: float = 0.5,
    draws: int = 5,
    seed: int = 0,
    query: tuple[int, int] | None = None,
) -> None:
    """Draw all attention masks and all maskings of a grid into one PNG.

    Args:
        grid: h, w.
        path: PNG to write.
        ratio: Share of tokens that the maskings hide.
        draws: Number of masks to show for each masking.
        seed: Seed of the draws.
        query: Row and column of the token whose attention is shown; by
            default the middle.

    Raises:
        InputError: An invalid grid, ratio or query.
    """
    if min(grid) < 1 or draws < 1:
        raise InputError(
            f'grid and draws must be positive, got {grid} and {draws}'
        )
    query = query or (grid[0] // 2, grid[1] // 2)
    if not (0 <= query[0] < grid[0] and 0 <= query[1] < grid[1]):
        raise InputError(
            f'the query {query} is not a token of a grid of '
            f'{grid[0]}x{grid[1]}; rows and columns count from 0'
        )
    maskings = _drawn(grid, ratio, draws, seed)
    # A token's attention keeps the proportions of the grid.
    tall = min(max(grid[0] / grid[1], 0.42), 1.6) * _CELL
    heights = [_CELL + tall + 1.3, len(maskings) * (tall + 0.35) + 0.5]
    width = _CELL * max(len(ATTENTION_MASKS), draws) + 1
    figure = Figure(figsize=(width, sum(heights)), layout='constrained')
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    _draw_attention(above, grid, query, tall)
    _draw_maskings(below, grid, maskings)
    save_figure(figure, path)


def _drawn(
    grid: tuple[int, int], ratio: float, draws: int, seed: int
) -> dict[str, torch.Tensor]:
    """For each masking, the tokens that the encoder sees, (draws, h, w)."""
    parts = (
        RandomMasking(ratio),
        SequentialMasking(ratio),
        # One column has no bands.
        *([DiagonalMasking(ratio)] if grid[1] > 1 else []),
        NoMasking(),
    )
    shown = {}
    with torch.random.fork_rng():
        for masking in parts:
            torch.manual_seed(seed)
            keep = masking(Layout(grid, draws)).ids_keep
            seen = torch.zeros(draws, grid[0] * grid[1], dtype=torch.bool)
            name = type(masking).__name__
            shown[name] = seen.scatter(1, keep, True).view(-1, *grid)
    return shown


def _draw_attention(
    figure: SubFigure, grid: tuple[int, int], query: tuple, tall: float
) -> None:
    axes = figure.subplots(
        2, len(ATTENTION_MASKS), squeeze=False, height_ratios=[_CELL, tall]
    )
    figure.suptitle(
        f"The decoder's attention masks on {grid[0]}x{grid[1]} tokens: "
        'above, each token (row) and those it may attend to (columns); '
        f'below, what token {query} sees',
        fontsize=10,
    )
    place = query[0] * grid[1] + query[1]
    for kind, (above, below) in zip(ATTENTION_MASKS, axes.T):
        mask = attention_mask(kind, grid)
        _cells(above, mask.numpy(), grid[1], grid[1])
        above.set_title(f"{METHODS.get(kind, kind)}\n'{kind}'", fontsize=9)
        view = mask[place].int()
        view[place] = 2
        _cells(below, view.view(grid).numpy(), 1, 1)
        below.set_xlabel(f'{int(mask[place].sum())} tokens', fontsize=8)
    axes[0, 0].set_ylabel('who looks', fontsize=8)
    axes[1, 0].set_ylabel('in the image', fontsize=8)
    _legend(figure, may_look=SHOWN, may_not=HIDDEN, looks=ASKING)


def _draw_maskings(
    figure: SubFigure, grid: tuple[int, int], maskings: dict
) -> None:
    draws = len(next(iter(maskings.values())))
    axes = figure.subplots(len(maskings), draws, squeeze=False)
    figure.suptitle(
        f'Maskings, {draws} draws each, of {grid[0] * grid[1]} tokens: what '
        'is hidden is predicted',
        fontsize=10,
    )
    for row, (name, masks) in zip(axes, maskings.items()):
        row[0].set_ylabel(name.replace('Masking', '\nmasking'), fontsize=8)
        for axis, mask in zip(row, masks):
            _cells(axis, mask.int().numpy(), 1, 1)
            hidden = int((~mask).sum())
            # Without masking, see NoMasking.
            note = f'{hidden} hidden' if hidden else 'all seen and predicted'
            axis.set_xlabel(note, fontsize=7)
    _legend(figure, visible=SHOWN, hidden=HIDDEN)


def _cells(axis: Axes, cells: np.ndarray, row: int, column: int) -> None:
    """Draw cells 0, 1, 2 in their colours, with lines between groups."""
    colours = ListedColormap([HIDDEN, SHOWN, ASKING])
    h, w = cells.shape
    axis.imshow(cells, colours, vmin=0, vmax=2, interpolation='nearest')
    for lines, count, step in (
        (axis.axhline, h, row),
        (axis.axvline, w, column),
    ):
        if count // step <= 64:  # more lines would hide the cells
            for at in range(step, count, step):
                lines(at - 0.5, color='white', linewidth=0.5)
    axis.set_xticks([])
    axis.set_yticks([])


def _legend(figure: SubFigure, **colours: str) -> None:
    figure.legend(
        handles=[
            Patch(color=colour, label=name.replace('_', ' '))
            for name, colour in colours.items()
        ],
        loc='outside lower center',
        ncols=len(colours),
        frameon=False,
        fontsize=8,
    )
