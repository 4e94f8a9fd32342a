"""Metrics that OpenMMLab lacks, error analysis, and frozen features."""

from .class_maps import class_iou, confusion, confusions
from .coco_errors import KINDS, ErrorCurves, error_curves
from .features import extract, image_folder, pooled
from .knn import knn_accuracy
from .labelled import keep_some
from .linear import ProbeResult, linear_probe
from .part_iou import PartIoU, part_iou
from .spectrum import effective_rank, feature_deviation

__all__ = [
    'KINDS',
    'ErrorCurves',
    'PartIoU',
    'ProbeResult',
    'class_iou',
    'confusion',
    'confusions',
    'effective_rank',
    'error_curves',
    'extract',
    'feature_deviation',
    'image_folder',
    'keep_some',
    'knn_accuracy',
    'linear_probe',
    'part_iou',
    'pooled',
]
