"""Operators on tensors, without modules or parameters; torch only."""

from .causal_conv1d import causal_conv1d, causal_conv1d_bidirectional
from .points import (
    ball_query,
    chamfer_distance,
    farthest_point_sample,
    gather_points,
    hilbert_order,
    knn,
    morton_order,
)
from .selective_scan import selective_scan, selective_scan_bidirectional

__all__ = [
    'ball_query',
    'causal_conv1d',
    'causal_conv1d_bidirectional',
    'chamfer_distance',
    'farthest_point_sample',
    'gather_points',
    'hilbert_order',
    'knn',
    'morton_order',
    'selective_scan',
    'selective_scan_bidirectional',
]
