"""Encoders, registered in mmpretrain's registry."""

from .hybrid_net import HybridNet

__all__ = ['HybridNet']
