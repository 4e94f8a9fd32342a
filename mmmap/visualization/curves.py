"""Curves of one run or of several over the iterations."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import InputError

# Inches: of a panel, and of the margins around its axes.
_PANEL = (4.6, 2.9)
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.75, 0.15, 0.5, 0.35
_COLUMNS = 3
_POINTS = 30
# A quantity with a larger range gets a logarithmic axis.
_SPAN = 30

Series = tuple[Sequence[int], Sequence[float]]


def curve_figure(
    panels: Mapping[str, Mapping[str, Series]],
    resumed: Sequence[int] = (),
) -> Figure:
    """Draw a panel for each quantity.

    Args:
        panels: For each title, the lines of its panel by their name:
            iterations and values.
        resumed: Iterations at which the run was resumed; they are marked.

    Raises:
        InputError: There is nothing to draw.
    """
    if not panels:
        raise InputError('there are no curves to draw')
    columns = min(len(panels), _COLUMNS)
    rows = -(-len(panels) // columns)
    width, height = _PANEL[0] * columns, _PANEL[1] * rows
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    # Fixed, since measuring every label takes longer than drawing it.
    figure.subplots_adjust(
        left=_LEFT / width,
        right=1 - _RIGHT / width,
        bottom=_BOTTOM / height,
        top=1 - _TOP / height,
        wspace=(_LEFT + _RIGHT) / (_PANEL[0] - _LEFT - _RIGHT),
        hspace=(_BOTTOM + _TOP) / (_PANEL[1] - _BOTTOM - _TOP),
    )
    for axis, (title, lines) in zip(axes, panels.items()):
        _panel(axis, title, lines)
        for step in resumed:
            axis.axvline(step, color='0.4', linestyle=':', linewidth=1)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    return figure


def _panel(axis: Axes, title: str, lines: Mapping[str, Series]) -> None:
    seen = []
    for name, (steps, values) in lines.items():
        marker = 'o' if len(steps) <= _POINTS else None
        axis.plot(
            steps, values, marker=marker, markersize=3, linewidth=1.2,
            label=_plain(name),
        )  # fmt: skip
        seen += [value for value in values if math.isfinite(value)]
        broken = len(values) - sum(map(math.isfinite, values))
        if broken:
            title = f'{title} ({broken} not finite)'
    if seen and min(seen) > 0 and max(seen) > _SPAN * min(seen):
        axis.set_yscale('log')
    axis.set_title(_plain(title), fontsize=10, y=1)
    axis.set_xlabel('iteration', fontsize=8)
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.3)
    axis.spines[['top', 'right']].set_visible(False)
    if len(lines) > 1:
        axis.legend(fontsize=7, frameon=False)


def _plain(text: str) -> str:
    """Escape text for Matplotlib: no formula, no hidden label."""
    return text.replace('$', r'\$').lstrip('_')
