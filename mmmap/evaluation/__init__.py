"""Metrics that OpenMMLab lacks, registered in mmpretrain's registry."""

from .part_iou import PartIoU, part_iou

__all__ = ['PartIoU', 'part_iou']
