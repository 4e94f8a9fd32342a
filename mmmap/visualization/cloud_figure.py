"""Clouds side by side, as Matplotlib figures."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from mpl_toolkits.mplot3d import Axes3D

from .clouds import Cloud, CloudRow

_TILE = 2.4  # inches
_VIEW = dict(elev=20, azim=35, vertical_axis='y')


def cloud_figure(rows: Sequence[CloudRow]) -> Figure:
    """Draw a row for each sample, all from the same side; y is up.

    Args:
        rows: At least one, with equally many clouds.
    """
    columns = len(rows[0].clouds)
    figure = Figure(
        figsize=(_TILE * columns + 0.2, (_TILE + 0.6) * len(rows)),
        layout='constrained',
    )
    axes = figure.subplots(
        len(rows),
        columns,
        squeeze=False,
        subplot_kw=dict(projection='3d'),
    )
    for axis_row, row in zip(axes, rows, strict=True):
        middle, radius = place_of(row)
        for axis, cloud in zip(axis_row, row.clouds, strict=True):
            _draw(axis, cloud, middle, radius)
        axis_row[0].text2D(
            -0.02,
            0.5,
            row.name,
            transform=axis_row[0].transAxes,
            rotation=90,
            va='center',
            ha='right',
            fontsize=8,
        )
    return figure


def place_of(row: CloudRow) -> tuple[np.ndarray, float]:
    """Middle and radius of a row's first cloud; 1 for a single point."""
    points = row.clouds[0].points
    middle = (points.min(0) + points.max(0)) / 2
    radius = np.linalg.norm(points - middle, axis=1).max()
    return middle, float(radius) or 1.0


def _draw(
    axis: Axes3D, cloud: Cloud, middle: np.ndarray, radius: float
) -> None:
    axis.scatter(
        *cloud.points.T,
        c=cloud.colours / 255,
        s=min(max(4000 / len(cloud.points), 1), 12),
        linewidths=0,
        depthshade=True,
    )
    axis.set_axis_off()
    axis.set_box_aspect((1, 1, 1), zoom=1.5)
    for limits, at in zip(
        (axis.set_xlim, axis.set_ylim, axis.set_zlim), middle
    ):
        limits(at - radius, at + radius)
    axis.view_init(**_VIEW)
    axis.set_title(cloud.title, fontsize=9)
    if cloud.legend:
        legend = axis.legend(
            handles=[
                Line2D([], [], marker='o', linestyle='', color=rgb / 255,
                       markersize=4, label=name)
                for name, rgb in cloud.legend.items()
            ],
            loc='upper center',
            bbox_to_anchor=(0.5, 0.02),
            ncols=min(len(cloud.legend), 3),
            fontsize=6,
            frameon=False,
            handletextpad=0.1,
            columnspacing=0.8,
        )  # fmt: skip
        # All panels have one size, for any number of names.
        legend.set_in_layout(False)
