"""Loading trained models for evaluation and inspection.

Shared by the commands of ``tools/analysis_tools``.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import ImgDataPreprocessor
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ..checkpoints import CheckpointError, read_checkpoint
from ..checkpoints.fit import OWN_CONFIG, compare, load, weights_of
from ..checkpoints.recorded import check_recorded
from ..datasets.image_reader import ReadingError
from ..errors import InputError
from ..models.backbones.base import Backbone
from ..wording import counted
from .launch import replace_sync_bn
from .settings import open_model_config


def open_model(
    path: str | Path,
    checkpoint: str | Path,
    kinds: tuple[str, ...],
    mask_ratio: float | None = None,
) -> nn.Module:
    """Load a complete model in evaluation mode, without gradients.

    Args:
        path: Config of one of ``kinds``; MAP includes MAE, AR and local MAE.
        checkpoint: The checkpoint of its training.
        kinds: Accepted types of models, such as ``('MAP',)``.
        mask_ratio: Replaces the config's, for a pretraining method.

    Raises:
        InputError: The config's model is of another type, or the ratio is
            invalid.
        CheckpointError: The checkpoint does not fit.
    """
    config = open_model_config(path)
    cfg = config.model
    if str(cfg.get('type', '')).split('.')[-1] not in kinds:
        raise InputError(
            f'the model of {path} is {cfg.get("type")!r}; give the config of '
            f'a {" or ".join(kinds)}'
        )
    if 'data_preprocessor' in config:
        cfg.setdefault('data_preprocessor', config.data_preprocessor)
    forget_training(cfg.get('backbone', {}))
    if mask_ratio is not None and 'masking' in cfg:
        cfg['masking']['ratio'] = mask_ratio
    model = MODELS.build(cfg)
    content = read_checkpoint(str(checkpoint))
    weights = weights_of(content, str(checkpoint))
    if 'decoder' in cfg and not any(k.startswith('decoder.') for k in weights):
        raise CheckpointError(
            f'{checkpoint} holds no decoder (decoder.*): an encoder alone '
            'cannot reconstruct. Use the checkpoint that pretraining wrote'
        )
    fit = compare(model, weights, str(checkpoint))
    fit.check(type(model).__name__, OWN_CONFIG)
    check_recorded(cfg, content, checkpoint, 'testing')
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False)


def open_backbone(
    path: str | Path, checkpoint: str | Path, out_type: str | None = None
) -> tuple[nn.Module, ImgDataPreprocessor]:
    """Load the backbone of any config from any checkpoint that fits.

    Args:
        path: Config of pretraining, a classifier, a segmentor or a detector.
        checkpoint: A checkpoint with the same backbone, from any task.
        out_type: Replaces the config's, for a ``Backbone``.

    Returns:
        The backbone in evaluation mode, without gradients for its weights,
        and the normalisation of its images.

    Raises:
        InputError: The config has no backbone.
        CheckpointError: The checkpoint does not fit.
    """
    config = open_model_config(path)
    cfg = config.model.get('backbone')
    if not isinstance(cfg, dict):
        raise InputError(
            f'the model of {path} ({config.model.get("type")!r}) has no '
            'backbone; give the config the checkpoint was trained with'
        )
    forget_training(cfg)
    kind = MODELS.get(cfg.get('type', ''))
    ours = isinstance(kind, type) and issubclass(kind, Backbone)
    if ours and out_type is not None:
        cfg['out_type'] = out_type
    backbone = MODELS.build(cfg)
    if ours:
        backbone.init_cfg = dict(type='Pretrained', checkpoint=str(checkpoint))
        backbone.init_weights()
    else:
        load(backbone, checkpoint)
    return backbone.eval().requires_grad_(False), normaliser(config)


def open_whole(
    path: str | Path, checkpoint: str | Path
) -> tuple[nn.Module, Config]:
    """Load a complete classifier, segmentor or detector.

    Args:
        path: Its config.
        checkpoint: Written by its training or ``tools/publish_model.py``.

    Returns:
        The model in evaluation mode, and its config.

    Raises:
        InputError: No such config.
        CheckpointError: The checkpoint does not fit.
    """
    config = open_model_config(path)
    forget_training(config.model.get('backbone', {}))
    # A single process has nothing to synchronise with.
    replace_sync_bn(config.model)
    init_default_scope(config.get('default_scope', 'mmpretrain'))
    model = MODELS.build(config.model)
    check = partial(
        check_recorded, config.model, source=checkpoint, use='testing'
    )
    load(model, checkpoint, prefix='', check=check)
    return model.eval().requires_grad_(False), config


def image_size(backbone: nn.Module) -> tuple[int, int]:
    """H and W of the images of a backbone; 224 if it takes any size."""
    position = getattr(backbone, 'pos_embed', None)
    if not isinstance(backbone, Backbone) or position is None:
        return 224, 224
    h, w = position.weight.shape[1:3]
    return h * backbone.patch_size, w * backbone.patch_size


def image_channels(model: nn.Module) -> int | None:
    """The number of channels of a model's images, or None if unknown."""
    backbone = getattr(model, 'backbone', model)
    parts = backbone.modules()
    first = next((part for part in parts if isinstance(part, nn.Conv2d)), None)
    return None if first is None else first.in_channels


def check_channels(model: nn.Module, images: Mapping[object, Tensor]) -> None:
    """Check that a model takes images (C, H, W), given with their files.

    Raises:
        ReadingError: One has another number of channels.
    """
    wanted = image_channels(model)
    for path, image in images.items():
        if wanted is not None and len(image) != wanted:
            raise ReadingError(
                f'{path} has {counted(len(image), "channel")} as the pipeline '
                f'of the config reads it, but the model takes {wanted}: give '
                'images like those of the training, or set color_type of '
                'LoadImageFromFile in the config'
            )


def best_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device('cuda' if torch.cuda.is_available() else 'cpu')


def forget_training(backbone: ConfigDict) -> None:
    """Remove settings that only training needs."""
    # Weights come only from the checkpoint.
    backbone.pop('init_cfg', None)
    backbone.pop('frozen_stages', None)
    # Recomputed blocks would be recorded twice.
    backbone.pop('with_cp', None)


def normaliser(config: Config) -> ImgDataPreprocessor:
    """The mean and std of a config of any library."""
    cfg = dict(config.get('data_preprocessor') or {})
    cfg |= config.model.get('data_preprocessor') or {}
    swapped = cfg.get('bgr_to_rgb', False) or cfg.get('to_rgb', False)
    return ImgDataPreprocessor(
        mean=cfg.get('mean'), std=cfg.get('std'), bgr_to_rgb=swapped
    )
