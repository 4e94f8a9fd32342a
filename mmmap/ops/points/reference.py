"""Reference implementations: one cloud, one query and one point at a time.

They define and test the operators, and are slow.
"""

import torch
from torch import Tensor

from .distances import squared_distances


def farthest_point_sample(points: Tensor, num: int) -> Tensor:
    """See ``mmmap.ops.points.farthest_point_sample``."""
    return _each(_farthest, squared_distances(points, points), num)


def knn(points: Tensor, queries: Tensor, k: int) -> Tensor:
    """See ``mmmap.ops.points.knn``."""
    return _each(
        lambda rows: [_by_distance(row)[:k] for row in rows],
        squared_distances(queries, points),
    )


def ball_query(
    points: Tensor, queries: Tensor, radius: float, k: int
) -> Tensor:
    """See ``mmmap.ops.points.ball_query``."""

    def in_ball(row):
        inside = [i for i, d in enumerate(row) if d < radius * radius][:k]
        filler = inside[0] if inside else _by_distance(row)[0]
        return inside + [filler] * (k - len(inside))

    distances = squared_distances(queries, points)
    return _each(lambda rows: [in_ball(row) for row in rows], distances)


def chamfer_distance(x: Tensor, y: Tensor, norm: str) -> Tensor:
    """See ``mmmap.ops.points.chamfer_distance``, without reduction."""
    squares = (x[:, :, None] - y[:, None]).square().sum(-1)  # (B, N, M)
    there, back = squares.amin(2), squares.amin(1)
    if norm == 'l2':
        return there.mean(1) + back.mean(1)
    return (there.sqrt().mean(1) + back.sqrt().mean(1)) / 2


def _each(function, distances: Tensor, *arguments) -> Tensor:
    rows = [function(cloud.tolist(), *arguments) for cloud in distances]
    return torch.tensor(rows, device=distances.device)


def _by_distance(row: list[float]) -> list[int]:
    return sorted(range(len(row)), key=lambda i: (row[i], i))


def _farthest(distances: list[list[float]], num: int) -> list[int]:
    taken = [0]
    while len(taken) < num:
        nearest = [min(row[i] for i in taken) for row in distances]
        taken.append(max(range(len(nearest)), key=lambda i: (nearest[i], -i)))
    return taken
