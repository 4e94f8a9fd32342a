"""Targets of pretraining, and heads with losses."""

from .chamfer_head import ChamferHead
from .diffusion_head import DiffusionHead
from .group_target import GroupTarget
from .pixel_head import PixelHead
from .pixel_target import PixelTarget
from .point_cls_head import PointClsHead
from .point_part_head import PointPartHead

__all__ = [
    'ChamferHead',
    'DiffusionHead',
    'GroupTarget',
    'PixelHead',
    'PixelTarget',
    'PointClsHead',
    'PointPartHead',
]
