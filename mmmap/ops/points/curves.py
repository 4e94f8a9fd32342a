"""Orders of points along space-filling curves.

Letters: B batch, N points, b bits of a coordinate.
"""

import torch
from torch import Tensor

from .checks import check_points

BITS = 10


@torch.no_grad()
def morton_order(points: Tensor) -> Tensor:
    """The order of points along a Morton (Z) curve.

    Each cloud is scaled by its bounds to a cube of 1024 cells per edge; points
    in one cell keep their order.

    Args:
        points: (B, N, 3).

    Returns:
        Indices, (B, N): the first is the first point on the curve.

    Raises:
        ValueError: Not clouds.
    """
    return _sorted(_cells(points))


@torch.no_grad()
def hilbert_order(points: Tensor) -> Tensor:
    """The order of points along a Hilbert curve.

    Unlike in ``morton_order``, neighbours on the curve are neighbours in
    space. Source: Skilling, "Programming the Hilbert curve" (AIP Conference
    Proceedings 707, 2004).

    Args:
        points: (B, N, 3).

    Returns:
        Indices, (B, N).

    Raises:
        ValueError: Not clouds.
    """
    return _sorted(_transposed(_cells(points)))


def _cells(points: Tensor) -> Tensor:
    """Cells of points, whole numbers of b bits, (3, B, N)."""
    points = check_points(points).double()
    low = points.amin(1, keepdim=True)
    extent = (points - low).amax((1, 2), keepdim=True)
    scaled = (points - low) / extent.clamp(min=1e-300)
    cells = (scaled * 2**BITS).long().clamp(max=2**BITS - 1)
    return cells.permute(2, 0, 1).clone()


def _transposed(axes: Tensor) -> Tensor:
    """Cells whose interleaved bits are the position on the Hilbert curve."""
    bit = 1 << (BITS - 1)
    while bit > 1:  # undo the turns of the cubes, from the largest
        below = bit - 1
        for axis in range(3):
            inverted = (axes[axis] & bit) > 0
            exchanged = (axes[0] ^ axes[axis]) & below
            exchanged = exchanged.masked_fill(inverted, 0)
            axes[0] ^= exchanged | (inverted * below)
            axes[axis] ^= exchanged
        bit >>= 1
    for axis in (1, 2):  # Gray code
        axes[axis] ^= axes[axis - 1]
    turned = torch.zeros_like(axes[0])
    bit = 1 << (BITS - 1)
    while bit > 1:
        turned ^= ((axes[2] & bit) > 0) * (bit - 1)
        bit >>= 1
    return axes ^ turned


def _sorted(axes: Tensor) -> Tensor:
    """Order by interleaved bits, the first axis' highest first."""
    code = torch.zeros_like(axes[0])
    for bit in range(BITS - 1, -1, -1):
        for axis in axes:
            code = (code << 1) | ((axis >> bit) & 1)
    return code.sort(dim=1, stable=True).indices
