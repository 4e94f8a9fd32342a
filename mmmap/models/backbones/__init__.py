"""Encoders, registered in mmpretrain's registry."""

from .base import Backbone, Encoder
from .hybrid_net import HybridNet
from .hybrid_net_points import HybridNetPoints
from .mamba_vision import MambaVision

__all__ = [
    'Backbone',
    'Encoder',
    'HybridNet',
    'HybridNetPoints',
    'MambaVision',
]
