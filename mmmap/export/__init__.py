"""Models as ONNX files, for where there is neither torch nor mmmap."""

from .onnx_files import ExportError, export_onnx
from .parts import PARTS, part_of

__all__ = ['PARTS', 'ExportError', 'export_onnx', 'part_of']
