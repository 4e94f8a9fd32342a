"""How models are trained: optimizer groups, hooks, runs."""

from . import complexity  # noqa: F401  adds to MMEngine's table
from .hooks import (
    BadFileHook,
    BatchFeedHook,
    CheckpointGuardHook,
    EpochSeedHook,
    FeatureMonitorHook,
    NaNGuardHook,
    PredictionPictureHook,
    ReconstructionHook,
)
from .optimizers import LayerDecayOptimWrapperConstructor

__all__ = [
    'BadFileHook',
    'BatchFeedHook',
    'CheckpointGuardHook',
    'EpochSeedHook',
    'FeatureMonitorHook',
    'LayerDecayOptimWrapperConstructor',
    'NaNGuardHook',
    'PredictionPictureHook',
    'ReconstructionHook',
]
