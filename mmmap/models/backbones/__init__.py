"""Encoders, registered in mmpretrain's registry."""

from .base import Backbone
from .hybrid_net import HybridNet
from .mamba_vision import MambaVision

__all__ = ['Backbone', 'HybridNet', 'MambaVision']
