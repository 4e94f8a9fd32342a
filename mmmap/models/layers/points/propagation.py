"""Interpolation of features from a few places to all points.

Letters: B batch, N points, G places with features, C channels.
"""

import torch
from torch import Tensor

from ....ops import gather_points, knn


def interpolate_features(
    points: Tensor, places: Tensor, features: Tensor, k: int = 3
) -> Tensor:
    """Mean of the features of the nearest places, by inverse distance.

    Weights are those of the squared distance; a point at a place has that
    place's feature.

    Source: Qi et al., "PointNet++" (arXiv 1706.02413).

    Args:
        points: (B, N, 3).
        places: (B, G, 3).
        features: (B, G, C).
        k: Places for each point; all of them, if there are fewer.

    Returns:
        (B, N, C).
    """
    nearest = knn(places, points, min(k, places.shape[1]))  # (B, N, k)
    offsets = gather_points(places, nearest) - points.unsqueeze(2)
    weights = 1 / (offsets.square().sum(-1, keepdim=True) + 1e-8)
    weights = weights / weights.sum(2, keepdim=True)
    near = gather_points(features, nearest)
    return torch.sum(near * weights.to(near.dtype), dim=2)
