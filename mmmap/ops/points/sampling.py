"""Farthest-point sampling.

Letters: B batch, N points, G points taken.
"""

import torch
from torch import Tensor

from .checks import check_count, check_points


@torch.no_grad()
def farthest_point_sample(points: Tensor, num: int) -> Tensor:
    """Sample points one by one, each the farthest from those before.

    The first is point 0. Of points equally far away, the lowest index is
    taken; so once all other points coincide with samples, 0 repeats.

    Source: Qi et al., "PointNet++" (arXiv 1706.02413).

    Args:
        points: (B, N, 3).
        num: G, at most N.

    Returns:
        Indices in the order of sampling, (B, G).

    Raises:
        ValueError: Invalid clouds, or fewer than ``num`` points.
    """
    points = check_points(points)
    check_count('the number of points to sample', num, points.shape[1])
    axes = points.permute(2, 0, 1).contiguous()  # (3, B, N)
    chosen = axes.new_zeros(axes.shape[1], num, dtype=torch.long)
    nearest = torch.full_like(axes[0], torch.inf)
    last = chosen[:, :1]
    for step in range(1, num):
        distance = None
        for axis in axes:
            square = axis - axis.gather(1, last)
            square = square.mul_(square)
            distance = square if distance is None else distance.add_(square)
        nearest = torch.minimum(nearest, distance)
        # argmax returns the first of several.
        last = nearest.argmax(1, keepdim=True)
        chosen[:, step] = last[:, 0]
    return chosen
