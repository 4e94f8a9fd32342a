"""Data sets of point clouds and their transforms, in mmpretrain's registry."""

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
    'NormalizePoints',
    'PackPoints',
    'PointFolder',
    'PointNPZ',
    'RotatePoints',
    'SamplePoints',
    'ScaleTranslatePoints',
]
