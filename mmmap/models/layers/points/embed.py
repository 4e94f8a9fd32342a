"""Points to tokens: groups of neighbours, embedded by a small PointNet.

Letters: B batch, N points, G groups, S points of a group, C channels.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ....ops import (
    farthest_point_sample,
    gather_points,
    hilbert_order,
    knn,
    morton_order,
)

# Orders of the centres; 'fps' is the order in which they are sampled.
ORDERS = {'fps': None, 'hilbert': hilbert_order, 'morton': morton_order}


class PointGroups(NamedTuple):
    """A cloud as groups of neighbouring points.

    Args:
        centers: (B, G, 3).
        offsets: Points of each group, relative to its centre, (B, G, S, 3).
    """

    centers: Tensor
    offsets: Tensor

    def gather(self, keep: Tensor) -> 'PointGroups':
        """The groups at indices (B, V)."""
        offsets = gather_points(self.offsets.flatten(2), keep)
        return PointGroups(
            gather_points(self.centers, keep),
            offsets.unflatten(2, self.offsets.shape[2:]),
        )


def group_points(
    points: Tensor, num_groups: int, group_size: int, order: str = 'fps'
) -> PointGroups:
    """Group points around centres that are far from each other.

    Args:
        points: (B, N, 3).
        num_groups: G, at most N.
        group_size: S, at most N.
        order: Order of the groups: ``'fps'`` as their centres are sampled,
            ``'hilbert'`` or ``'morton'`` along that curve.

    Raises:
        ValueError: Another shape, or too few points.
    """
    points = points.float()
    centers = gather_points(points, farthest_point_sample(points, num_groups))
    along = ORDERS[order]
    if along is not None:
        centers = gather_points(centers, along(centers))
    offsets = gather_points(points, knn(points, centers, group_size))
    return PointGroups(centers, offsets - centers.unsqueeze(2))


class GroupEmbed(nn.Module):
    """A small PointNet: one token for each group.

    Source: the token embedding of Point-MAE (Pang et al., arXiv 2203.06604).

    Args:
        dims: C.
    """

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv1d(3, 128, 1),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Conv1d(128, 256, 1),
        )
        self.second = nn.Sequential(
            nn.Conv1d(512, 512, 1),
            nn.BatchNorm1d(512),
            nn.ReLU(),
            nn.Conv1d(512, dims, 1),
        )

    def forward(self, offsets: Tensor) -> Tensor:
        """(B, G, S, 3) -> (B, G, C)."""
        each = self.first(offsets.flatten(0, 1).mT)  # (B*G, 256, S)
        whole = each.amax(2, keepdim=True).expand_as(each)
        tokens = self.second(torch.cat((whole, each), dim=1)).amax(2)
        return tokens.unflatten(0, offsets.shape[:2])


def position_mlp(dims: int, activation: type[nn.Module]) -> nn.Sequential:
    """Embedding of coordinates, (..., 3) -> (..., C)."""
    return nn.Sequential(nn.Linear(3, 128), activation(), nn.Linear(128, dims))
