"""Pictures."""

from .curves import curve_figure
from .error_figures import confusion_figure, detection_error_figure
from .feature_figure import feature_figure, field_figure
from .masks import mask_figure
from .predictions import detection_figure, segmentation_figure
from .reconstruction import method_names, method_rows, reconstruction_grid

__all__ = [
    'confusion_figure',
    'curve_figure',
    'detection_error_figure',
    'detection_figure',
    'feature_figure',
    'field_figure',
    'mask_figure',
    'method_names',
    'method_rows',
    'reconstruction_grid',
    'segmentation_figure',
]
