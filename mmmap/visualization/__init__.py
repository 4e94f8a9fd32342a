"""Pictures."""

from .predictions import detection_figure, segmentation_figure
from .reconstruction import reconstruction_grid

__all__ = ['detection_figure', 'reconstruction_grid', 'segmentation_figure']
