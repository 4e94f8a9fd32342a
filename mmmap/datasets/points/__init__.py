"""Data sets of point clouds and their transforms, in mmpretrain's registry."""

from .benchmarks import (
    ModelNet40,
    ModelNet40H5,
    ScanObjectNN,
    ShapeNet55,
    ShapeNetPart,
)
from .folder import PointFolder
from .npz import PointNPZ
from .transforms import (
    NormalizePoints,
    PackPoints,
    RotatePoints,
    SamplePoints,
    ScaleTranslatePoints,
)

__all__ = [
    'ModelNet40',
    'ModelNet40H5',
    'ScanObjectNN',
    'ShapeNet55',
    'ShapeNetPart',
    'NormalizePoints',
    'PackPoints',
    'PointFolder',
    'PointNPZ',
    'RotatePoints',
    'SamplePoints',
    'ScaleTranslatePoints',
]
