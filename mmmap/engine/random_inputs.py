"""Running the model of any config on random input, to measure its cost."""

from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model.utils import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import BaseDataElement
from mmpretrain.models import BaseSelfSupervisor, MoCoV3
from mmpretrain.structures import DataSample
from torch import nn

from ..models.backbones import HybridNetPoints
from .settings import open_model_config
from .trained_models import forget_training, image_channels, image_size

_SHAPES = ('img_shape', 'ori_shape', 'pad_shape', 'batch_input_shape')


def open_untrained(path: str | Path) -> tuple[nn.Module, Config]:
    """Build the model of a config with random weights, in evaluation mode.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is not a config, or has no model.
    """
    config = open_model_config(path)
    init_default_scope(config.get('default_scope', 'mmpretrain'))
    if isinstance(config.model.get('backbone'), dict):
        forget_training(config.model.backbone)
    if 'mode' in config.model.get('test_cfg', {}):
        # For a segmentor: one window as large as the image.
        config.model.test_cfg = dict(mode='whole')
    model = revert_sync_batchnorm(MODELS.build(config.model))
    return model.eval().requires_grad_(False), config


def example_call(
    model: nn.Module,
    scope: str,
    batch: int = 1,
    shape: tuple[int, ...] | None = None,
) -> Callable[[], object]:
    """Return a function that runs a model on random input, on its device.

    A classifier computes scores, a segmentor class maps, a detector the
    outputs of its heads before boxes are selected; pretraining its loss.

    Args:
        model: The model of any of our configs.
        scope: ``default_scope`` of the config.
        batch: Number of images or clouds.
        shape: H and W, or the number of points; by default the size of the
            backbone, or 1024 points.
    """
    shape = shape or default_shape(model)
    device = next(model.parameters()).device
    if len(shape) == 1:
        inputs = torch.rand(batch, *shape, 3, device=device)
        samples = [DataSample().set_gt_label(0) for _ in range(batch)]
    else:
        channels = image_channels(model) or 3
        inputs = torch.rand(batch, channels, *shape, device=device)
        meta = dict.fromkeys(_SHAPES, tuple(shape))
        meta['scale_factor'] = (1.0, 1.0)
        samples = [BaseDataElement(metainfo=meta) for _ in range(batch)]
    mode = 'tensor'
    if isinstance(model, MoCoV3):
        inputs = [inputs, inputs]
    if isinstance(model, BaseSelfSupervisor):
        mode = 'loss'
    elif scope == 'mmseg':
        mode, samples = 'predict', None
    return lambda: model(inputs, samples, mode=mode)


def default_shape(model: nn.Module) -> tuple[int, ...]:
    """The input size of the backbone."""
    if isinstance(model.backbone, HybridNetPoints):
        return (1024,)
    return image_size(model.backbone)
