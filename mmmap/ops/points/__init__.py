"""Operators on point clouds: sampling, neighbours, distances, orders."""

from .chamfer import chamfer_distance
from .checks import check_points
from .curves import hilbert_order, morton_order
from .neighbours import ball_query, gather_points, knn
from .sampling import farthest_point_sample

__all__ = [
    'ball_query',
    'chamfer_distance',
    'check_points',
    'farthest_point_sample',
    'gather_points',
    'hilbert_order',
    'knn',
    'morton_order',
]
