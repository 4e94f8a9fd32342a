"""Pictures."""

from .feature_figure import feature_figure, field_figure
from .masks import mask_figure
from .predictions import detection_figure, segmentation_figure
from .reconstruction import method_names, method_rows, reconstruction_grid

__all__ = [
    'detection_figure',
    'feature_figure',
    'field_figure',
    'mask_figure',
    'method_names',
    'method_rows',
    'reconstruction_grid',
    'segmentation_figure',
]
