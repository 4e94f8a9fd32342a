"""Pyramids from the maps of a plain backbone."""

from .multi_depth_feature_pyramid import MultiDepthFeaturePyramid
from .simple_feature_pyramid import SimpleFeaturePyramid

__all__ = ['MultiDepthFeaturePyramid', 'SimpleFeaturePyramid']
