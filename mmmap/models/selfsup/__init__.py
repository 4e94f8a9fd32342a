"""Pretraining algorithms, and the maskings under mmpretrain's registry."""

from mmpretrain.registry import MODELS

from ..masking import (
    DiagonalMasking,
    NoMasking,
    PointBlockMasking,
    RandomMasking,
    SequentialMasking,
)
from .map import MAP
from .point_map import PointMAP

for _masking in (
    DiagonalMasking,
    NoMasking,
    PointBlockMasking,
    RandomMasking,
    SequentialMasking,
):
    MODELS.register_module(module=_masking)

__all__ = ['MAP', 'PointMAP']
