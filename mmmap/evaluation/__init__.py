"""Metrics that OpenMMLab lacks, and how good frozen features are."""

from .features import extract, image_folder, pooled
from .knn import knn_accuracy
from .linear import ProbeResult, linear_probe
from .part_iou import PartIoU, part_iou

__all__ = [
    'PartIoU',
    'ProbeResult',
    'extract',
    'image_folder',
    'knn_accuracy',
    'linear_probe',
    'part_iou',
    'pooled',
]
