"""Which tokens are hidden; needs only torch."""

from .base import Layout, MaskPlan, hide
from .block import PointBlockMasking
from .diagonal import DiagonalMasking
from .none import NoMasking
from .random import RandomMasking
from .ratio import MaskRatio
from .sequential import SequentialMasking

__all__ = [
    'DiagonalMasking',
    'Layout',
    'MaskRatio',
    'MaskPlan',
    'NoMasking',
    'PointBlockMasking',
    'RandomMasking',
    'SequentialMasking',
    'hide',
]
