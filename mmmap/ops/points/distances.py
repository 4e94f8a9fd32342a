"""Squared distances, one definition for all operators and references.

Letters: B batch, N points, M queries.
"""

from torch import Tensor


def squared_distances(queries: Tensor, points: Tensor) -> Tensor:
    """(B, M, 3), (B, N, 3) -> (B, M, N), dx^2 + dy^2 + dz^2 in this order.

    Differences are squared, not expanded into products: coincident points
    have distance 0, and equal distances are equal to the last bit.
    """
    total = None
    for axis in range(3):
        square = queries[:, :, None, axis] - points[:, None, :, axis]
        square = square.mul_(square)
        total = square if total is None else total.add_(square)
    return total
