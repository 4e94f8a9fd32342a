"""Hooks of the training loop."""

from .checkpoint_guard import CheckpointGuardHook
from .reconstruction import ReconstructionHook

__all__ = ['CheckpointGuardHook', 'ReconstructionHook']
