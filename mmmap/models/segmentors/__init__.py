"""Models that tell what each point is."""

from .point_part_segmentor import PointPartSegmentor

__all__ = ['PointPartSegmentor']
