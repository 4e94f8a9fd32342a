"""Depthwise causal convolution, with an optional SiLU."""

from .interface import causal_conv1d, causal_conv1d_bidirectional

__all__ = ['causal_conv1d', 'causal_conv1d_bidirectional']
