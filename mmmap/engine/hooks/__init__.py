"""Hooks of the training loop."""

from .annotation_ids import AnnotationIdHook
from .bad_files import BadFileHook
from .batch_feed import BatchFeedHook
from .checkpoint_guard import CheckpointGuardHook
from .epoch_seed import EpochSeedHook
from .feature_monitor import FeatureMonitorHook
from .nan_guard import NaNGuardHook
from .prediction_pictures import PredictionPictureHook
from .reconstruction import ReconstructionHook

__all__ = [
    'AnnotationIdHook',
    'BadFileHook',
    'BatchFeedHook',
    'CheckpointGuardHook',
    'EpochSeedHook',
    'FeatureMonitorHook',
    'NaNGuardHook',
    'PredictionPictureHook',
    'ReconstructionHook',
]
