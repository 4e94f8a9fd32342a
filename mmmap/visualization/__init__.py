"""Pictures."""

# Its import lets the functions for images draw clouds too.
from . import point_reconstruction  # noqa: F401
from .cloud_figure import cloud_figure
from .cloud_page import cloud_page
from .clouds import part_row, reconstruction_rows
from .curves import curve_figure
from .error_figures import confusion_figure, detection_error_figure
from .feature_figure import feature_figure, field_figure
from .masks import mask_figure
from .predictions import detection_figure, segmentation_figure
from .reconstruction import (
    method_names,
    method_rows,
    reconstruction_grid,
    reconstruction_page,
)

__all__ = [
    'cloud_figure',
    'cloud_page',
    'confusion_figure',
    'curve_figure',
    'detection_error_figure',
    'detection_figure',
    'feature_figure',
    'field_figure',
    'mask_figure',
    'method_names',
    'method_rows',
    'part_row',
    'reconstruction_grid',
    'reconstruction_page',
    'reconstruction_rows',
    'segmentation_figure',
]
