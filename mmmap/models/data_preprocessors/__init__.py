"""From batches of data loaders to inputs of models."""

from .points import PointDataPreprocessor

__all__ = ['PointDataPreprocessor']
