"""How good frozen features are: nearest neighbours and a linear probe."""

from .features import extract, image_folder, pooled
from .knn import knn_accuracy
from .linear import ProbeResult, linear_probe

__all__ = [
    'ProbeResult',
    'extract',
    'image_folder',
    'knn_accuracy',
    'linear_probe',
    'pooled',
]
