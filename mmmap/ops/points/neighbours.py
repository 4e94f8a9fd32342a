"""Nearest neighbours and neighbours in a ball.

Letters: B batch, N points, M queries, k neighbours, C channels.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from .checks import check_count, check_points, check_same_batch
from .distances import squared_distances

# Distances held at once.
CHUNK = 1 << 22


@torch.no_grad()
def knn(points: Tensor, queries: Tensor, k: int) -> Tensor:
    """The k nearest points of each query, nearest first.

    Of two points equally far away, the lower index comes first.

    Args:
        points: (B, N, 3).
        queries: (B, M, 3).
        k: At most N.

    Returns:
        Indices of points, (B, M, k).

    Raises:
        ValueError: Not clouds, or fewer than k points.
    """
    points, queries = _checked(points, queries)
    check_count('the number of neighbours', k, points.shape[1])
    return torch.cat(
        [_smallest(distance, k) for distance in _chunks(points, queries)], 1
    )


@torch.no_grad()
def ball_query(
    points: Tensor, queries: Tensor, radius: float, k: int
) -> Tensor:
    """The first k points, by index, within a ball around each query.

    A ball with fewer points is filled with the first of them, an empty ball
    with the point nearest to the query.

    Source: Qi et al., "PointNet++" (arXiv 1706.02413), which leaves empty
    balls undefined.

    Args:
        points: (B, N, 3).
        queries: (B, M, 3).
        radius: Radius of the ball; a point on its surface is outside.
        k: Neighbours of each query, at most N.

    Returns:
        Indices of points, (B, M, k).

    Raises:
        ValueError: Not clouds, fewer than k points, or a radius that is not
            positive.
    """
    points, queries = _checked(points, queries)
    check_count('the number of neighbours', k, points.shape[1])
    if not radius > 0:
        raise ValueError(f'the radius must be positive, got {radius}')
    found = []
    for distance in _chunks(points, queries):
        outside = distance >= radius * radius
        index = torch.arange(distance.shape[-1], device=points.device)
        rank = index + outside * index.numel()
        inside = rank.topk(k, largest=False, sorted=True).values
        first = inside[..., :1]
        empty = first >= index.numel()
        nearest = distance.argmin(-1, keepdim=True)
        first = torch.where(empty, nearest, first)
        found.append(torch.where(inside < index.numel(), inside, first))
    return torch.cat(found, 1)


def gather_points(values: Tensor, index: Tensor) -> Tensor:
    """Pick values of points, (B, N, C) at (B, ...) -> (B, ..., C)."""
    flat = index.flatten(1).unsqueeze(-1).expand(-1, -1, values.shape[-1])
    return values.gather(1, flat).unflatten(1, index.shape[1:])


def _checked(points: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
    points = check_points(points)
    queries = check_points(queries, 'queries')
    check_same_batch(points, queries)
    return points, queries


def _chunks(points: Tensor, queries: Tensor) -> Iterator[Tensor]:
    """Squared distances in blocks (B, m, N) that fit into memory."""
    size = max(1, CHUNK // (points.shape[0] * points.shape[1]))
    for some in queries.split(size, dim=1):
        yield squared_distances(some, points)


def _smallest(distance: Tensor, k: int) -> Tensor:
    """Indices of the k smallest along the last dimension, in order."""
    if k == 1:
        return distance.argmin(-1, keepdim=True)  # the first of several
    if distance.dtype != torch.float32:
        return distance.sort(dim=-1, stable=True).indices[..., :k]
    # topk may return any of several equal values. The bits of non-negative
    # floats have the same order; the index below makes them unique.
    keys = distance.view(torch.int32).long() << 32
    keys += torch.arange(distance.shape[-1], device=distance.device)
    smallest = keys.topk(k, largest=False, sorted=True).values
    return smallest & 0xFFFFFFFF
