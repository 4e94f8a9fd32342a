"""Summarising a run from its work_dir."""

from .logs import Curve, Log, read_log
from .page import (
    document,
    html_curves,
    html_image,
    html_table,
    page_of,
    panels_of,
    series,
)
from .settings import changes
from .work_dir import WorkDir, look_at

__all__ = [
    'Curve',
    'Log',
    'WorkDir',
    'changes',
    'document',
    'html_curves',
    'html_image',
    'html_table',
    'look_at',
    'page_of',
    'panels_of',
    'read_log',
    'series',
]
