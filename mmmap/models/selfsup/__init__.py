"""Pretraining algorithms, and the maskings under mmpretrain's registry."""

from mmpretrain.registry import MODELS

from ..masking import (
    DiagonalMasking,
    NoMasking,
    RandomMasking,
    SequentialMasking,
)
from .map import MAP

for _masking in (
    DiagonalMasking,
    NoMasking,
    RandomMasking,
    SequentialMasking,
):
    MODELS.register_module(module=_masking)

__all__ = ['MAP']
