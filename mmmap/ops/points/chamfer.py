"""The Chamfer distance.

Letters: B batch, N M points of two clouds.
"""

import torch
from torch import Tensor

from .checks import check_points, check_same_batch
from .neighbours import gather_points, knn

NORMS = ('l1', 'l2')
REDUCTIONS = ('mean', 'none')


def chamfer_distance(
    x: Tensor, y: Tensor, norm: str = 'l2', reduction: str = 'mean'
) -> Tensor:
    """Distance of two clouds by the nearest points of the other cloud.

    ``'l2'`` is the mean squared distance from x to y plus that from y to x,
    ``'l1'`` the mean of both mean distances, as in Point-MAE. Both clouds get
    gradients, except for coincident points. Of several nearest points, the
    one with the lowest index counts.

    Args:
        x: (B, N, 3).
        y: (B, M, 3).
        norm: ``'l1'`` or ``'l2'``.
        reduction: ``'mean'`` over the batch, or ``'none'``.

    Returns:
        A scalar, or (B,).

    Raises:
        ValueError: Invalid clouds, or an unknown norm or reduction.
    """
    if norm not in NORMS or reduction not in REDUCTIONS:
        raise ValueError(
            f'norm must be one of {NORMS} and reduction one of {REDUCTIONS}, '
            f'got {norm!r} and {reduction!r}'
        )
    x, y = check_points(x, 'x'), check_points(y, 'y')
    check_same_batch(x, y)
    there, back = _one_sided(x, y, norm), _one_sided(y, x, norm)
    both = there + back if norm == 'l2' else (there + back) / 2
    return both.mean() if reduction == 'mean' else both


def _one_sided(x: Tensor, y: Tensor, norm: str) -> Tensor:
    nearest = knn(y.detach(), x.detach(), 1)[..., 0]
    difference = x - gather_points(y, nearest)
    if norm == 'l2':
        return difference.square().sum(-1).mean(1)
    # Its gradient at 0 is 0, that of a square root is not finite.
    return torch.linalg.vector_norm(difference, dim=-1).mean(1)
