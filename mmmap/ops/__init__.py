"""Operators on tensors: no modules, no parameters, torch only."""

from .causal_conv1d import causal_conv1d
from .selective_scan import selective_scan, selective_scan_bidirectional

__all__ = ['causal_conv1d', 'selective_scan', 'selective_scan_bidirectional']
