"""Which tokens are hidden; torch only."""

from .base import Masked, hide
from .block import PointBlockMasking
from .diagonal import DiagonalMasking
from .none import NoMasking
from .random import RandomMasking
from .ratio import MaskRatio
from .sequential import SequentialMasking

__all__ = [
    'DiagonalMasking',
    'MaskRatio',
    'Masked',
    'NoMasking',
    'PointBlockMasking',
    'RandomMasking',
    'SequentialMasking',
    'hide',
]
