"""Modules of networks on points; they need only torch."""

from .block import PointBlock
from .embed import GroupEmbed, PointGroups, group_points, position_mlp
from .local import LocalAggregation
from .propagation import interpolate_features

__all__ = [
    'GroupEmbed',
    'LocalAggregation',
    'PointBlock',
    'PointGroups',
    'group_points',
    'interpolate_features',
    'position_mlp',
]
