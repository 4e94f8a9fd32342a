"""Predictions on images, folders and videos with the libraries' inferencers.

``mmmap.inference.predictors`` imports mmdet and mmseg, so it is only imported
where it is needed.
"""

from ..errors import InputError
from .outputs import FolderWriter, VideoWriter, new_folder
from .sources import Frame, Pictures, Video, source_of

__all__ = [
    'Frame',
    'FolderWriter',
    'InputError',
    'Pictures',
    'Video',
    'VideoWriter',
    'new_folder',
    'source_of',
]
