"""Coloured point clouds, for figures and pages.

Letters: B batch, N points, G groups, S points of a group.
"""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..models.selfsup.point_map import PointReconstruction
from .palettes import distinct_colours

GREY, BLUE, ORANGE, RED = (
    np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.uint8)
    for code in ('c4c8cc', '3b6ea8', 'e8792b', 'd1203f')
)


class Cloud(NamedTuple):
    """One picture of a cloud.

    Args:
        title: What it shows.
        points: (N, 3).
        colours: (N, 3), uint8 RGB.
        legend: RGB of the named parts.
    """

    title: str
    points: np.ndarray
    colours: np.ndarray
    legend: dict[str, np.ndarray]


class CloudRow(NamedTuple):
    """Pictures of one sample, in the same place and size.

    Args:
        name: Name of the sample.
        clouds: The clouds; the first one sets place and size.
    """

    name: str
    clouds: list[Cloud]


def reconstruction_rows(
    shown: PointReconstruction, names: Sequence[str] | None = None
) -> list[CloudRow]:
    """Groups, mask, reconstruction and its error, a row for each cloud.

    The error of a predicted point is its distance to the nearest true point
    of its group, in units of the input.

    Args:
        shown: From ``PointMAP.reconstruct``.
        names: Names of the clouds; by default their numbers.

    Raises:
        InputError: A prediction is not finite.
    """
    if not shown.reconstructed.isfinite().all():
        raise InputError(
            'a reconstruction is not finite (NaN or infinite): the '
            'checkpoint comes from a run that diverged'
        )
    shown = PointReconstruction(*(x.cpu() for x in shown))
    errors = _errors(shown)
    largest = max(errors.max().item(), 1e-12)
    names = names or [f'cloud {i}' for i in range(len(shown.points))]
    return [
        CloudRow(
            name,
            _reconstructed(
                PointReconstruction(*(x[i] for x in shown)),
                errors[i],
                largest,
            ),
        )
        for i, name in enumerate(names)
    ]


def _errors(shown: PointReconstruction) -> Tensor:
    """Distance of each point to its true group, (B, G, S)."""
    return (
        torch.cdist(
            shown.reconstructed.flatten(0, 1), shown.groups.flatten(0, 1)
        )
        .amin(2)
        .view(shown.groups.shape[:3])
        * shown.mask[..., None]
    )


def _reconstructed(
    shown: PointReconstruction, errors: Tensor, largest: float
) -> list[Cloud]:
    points, groups = shown.points.numpy(), shown.groups.numpy()
    guessed, hidden = shown.reconstructed.numpy(), shown.mask.numpy()
    size = groups.shape[1]
    of_group = distinct_colours(len(groups)).repeat(size, 0)
    alone = points[_outside(shown.points, shown.groups)]
    legend = dict(visible=BLUE, hidden=GREY)
    seen = np.where(hidden[:, None], GREY, BLUE).repeat(size, 0)
    rebuilt = np.where(hidden[:, None], ORANGE, BLUE).repeat(size, 0)
    heat = matplotlib.colormaps['plasma']
    error = heat(errors.flatten().numpy() / largest, bytes=True)[:, :3]
    error[~hidden.repeat(size)] = GREY
    mean = errors[shown.mask].mean().item() if hidden.any() else 0.0
    ends = heat([0.0, 1.0], bytes=True)[:, :3]
    return [
        Cloud(
            f'{len(groups)} groups of {size}',
            np.concatenate((groups.reshape(-1, 3), alone)),
            np.concatenate((of_group, np.broadcast_to(GREY, alone.shape))),
            {'in no group': GREY},
        ),
        Cloud(
            f'mask: {hidden.sum()} hidden', groups.reshape(-1, 3), seen, legend
        ),
        Cloud(
            'reconstruction',
            guessed.reshape(-1, 3),
            rebuilt,
            dict(visible=BLUE, guessed=ORANGE),
        ),
        Cloud(
            f'error: mean {mean:.3f}',
            guessed.reshape(-1, 3),
            error,
            {'0': ends[0], f'{largest:.3f}': ends[1], 'visible': GREY},
        ),
    ]


def _outside(points: Tensor, groups: Tensor) -> Tensor:
    """Which points are in no group, (N,)."""
    # Exact, as products would not be: those in a group are moved by rounding.
    distance = torch.cdist(
        points,
        groups.flatten(0, 1),
        compute_mode='donot_use_mm_for_euclid_dist',
    ).amin(1)
    return distance > 1e-5 * points.abs().amax()


def part_row(
    name: str,
    points: np.ndarray,
    truth: np.ndarray,
    predicted: np.ndarray,
    parts: Sequence[str],
) -> CloudRow:
    """True parts, predicted parts, and where they differ.

    Args:
        name: Name of the sample.
        points: (N, 3).
        truth: Part of each point, (N,).
        predicted: Predicted part of each point, (N,).
        parts: Names of all parts, e.g. ``'Chair/leg'``; the category before
            the slash is not shown.
    """
    present = np.unique(np.concatenate((truth, predicted)))
    colours = distinct_colours(len(present))
    names = [parts[part].rpartition('/')[2] for part in present]
    legend = dict(zip(names, colours))
    wrong = truth != predicted
    return CloudRow(
        name,
        [
            Cloud(
                title,
                points,
                colours[np.searchsorted(present, labels)],
                legend,
            )
            for title, labels in (
                ('true parts', truth),
                ('predicted parts', predicted),
            )
        ]
        + [
            Cloud(
                f'error: {wrong.mean():.1%} of points',
                points,
                np.where(wrong[:, None], RED, GREY),
                dict(right=GREY, wrong=RED),
            )
        ],
    )
