"""Depthwise causal convolution, with an optional SiLU."""

from .interface import causal_conv1d

__all__ = ['causal_conv1d']
