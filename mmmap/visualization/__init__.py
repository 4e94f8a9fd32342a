"""Pictures."""

from .reconstruction import reconstruction_grid

__all__ = ['reconstruction_grid']
