"""Which tokens are hidden; torch only."""

from .base import Masked, hide
from .random import RandomMasking
from .ratio import MaskRatio
from .sequential import SequentialMasking

__all__ = [
    'MaskRatio',
    'Masked',
    'RandomMasking',
    'SequentialMasking',
    'hide',
]
