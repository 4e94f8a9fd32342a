"""How models learn: the optimizer's groups and the hooks."""

from .hooks import CheckpointGuardHook, ReconstructionHook
from .optimizers import LayerDecayOptimWrapperConstructor

__all__ = [
    'CheckpointGuardHook',
    'LayerDecayOptimWrapperConstructor',
    'ReconstructionHook',
]
