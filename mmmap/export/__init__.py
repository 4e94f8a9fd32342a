"""Exporting models to ONNX files, which need neither torch nor mmmap."""

from .onnx_files import ExportError, export_detector, export_onnx
from .parts import PARTS, part_of

__all__ = ['PARTS', 'ExportError', 'export_detector', 'export_onnx', 'part_of']
