"""How models learn: the optimizer's groups and the hooks."""

from . import (
    checkpoint_loading,  # noqa: F401  replaces MMEngine's reader
    checkpoint_writing,  # noqa: F401  replaces its writer of local files
    complexity,  # noqa: F401  adds to MMEngine's table
    model_hub,  # noqa: F401  adds to mmpretrain's list of models
)
from .hooks import (
    BadFileHook,
    BatchFeedHook,
    CheckpointGuardHook,
    EpochSeedHook,
    NaNGuardHook,
    ReconstructionHook,
)
from .optimizers import LayerDecayOptimWrapperConstructor

__all__ = [
    'BadFileHook',
    'BatchFeedHook',
    'CheckpointGuardHook',
    'EpochSeedHook',
    'LayerDecayOptimWrapperConstructor',
    'NaNGuardHook',
    'ReconstructionHook',
]
