"""From what data loaders give to what models take."""

from .points import PointDataPreprocessor

__all__ = ['PointDataPreprocessor']
