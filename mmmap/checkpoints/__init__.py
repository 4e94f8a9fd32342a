"""Checkpoint files: read without running their code, written atomically."""

from .errors import CheckpointError
from .reading import (
    check_content,
    check_file,
    read_checkpoint,
    read_meta,
)
from .writing import write_checkpoint

__all__ = [
    'CheckpointError',
    'check_content',
    'check_file',
    'read_checkpoint',
    'read_meta',
    'write_checkpoint',
]
