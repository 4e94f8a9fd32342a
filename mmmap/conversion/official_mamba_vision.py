"""Weights of the published MambaVision and ours, by tables used both ways.

Source of the names: NVIDIA's published checkpoints (arXiv 2407.08083).
"""

import re
from collections.abc import Mapping

from torch import Tensor

from .names import check_alike, check_complete, count, nest

STAGES = 4
CONV_STAGES = 2
# Modules of a classifier, then those inside a block.
MODULES = {
    'patch_embed.conv_down.0': 'backbone.stem.0',
    'patch_embed.conv_down.1': 'backbone.stem.1',
    'patch_embed.conv_down.3': 'backbone.stem.3',
    'patch_embed.conv_down.4': 'backbone.stem.4',
    'levels.0.downsample.reduction.0': 'backbone.downsamples.0',
    'levels.1.downsample.reduction.0': 'backbone.downsamples.1',
    'levels.2.downsample.reduction.0': 'backbone.downsamples.2',
    'norm': 'backbone.norm',
    'head': 'head.fc',
}
CONV_BLOCK = {
    'conv1': 'conv1',
    'norm1': 'norm1',
    'conv2': 'conv2',
    'norm2': 'norm2',
}
MIXER_BLOCK = {
    'norm1': 'norm1',
    'norm2': 'norm2',
    'mlp.fc1': 'mlp.fc1',
    'mlp.fc2': 'mlp.fc2',
}
MAMBA = {
    'mixer.in_proj': 'mixer.in_proj',
    'mixer.conv1d_x': 'mixer.conv_x',
    'mixer.conv1d_z': 'mixer.conv_z',
    'mixer.x_proj': 'mixer.ssm.x_proj',
    'mixer.dt_proj': 'mixer.ssm.dt_proj',
    'mixer.A_log': 'mixer.ssm.A_log',
    'mixer.D': 'mixer.ssm.D',
    'mixer.out_proj': 'mixer.out_proj',
}
ATTENTION = {'mixer.qkv': 'mixer.qkv', 'mixer.proj': 'mixer.proj'}
# Only in the larger sizes.
LAYER_SCALE = {'gamma_1': 'scale1', 'gamma_2': 'scale2'}

# Suffixes of a module's tensors, by the first of these expressions that
# matches our full name.
_BATCH_NORM = (
    '.weight',
    '.bias',
    '.running_mean',
    '.running_var',
    '.num_batches_tracked',
)
LEAVES = {
    r'.*\.(A_log|D|scale1|scale2)': ('',),
    r'.*\.(in_proj|out_proj|x_proj|conv_x|conv_z)': ('.weight',),
    r'backbone\.(stem\.[03]|downsamples\.\d)': ('.weight',),
    r'backbone\.(stem\.[14]|norm)': _BATCH_NORM,
    r'backbone\.stages\.[01]\.blocks\.\d+\.norm\d': _BATCH_NORM,
    r'.*': ('.weight', '.bias'),
}
# Blocks of one stage are alike.
BLOCK = r'\.blocks\.\d+\.'


def to_mmmap(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Official weights as those of a classifier with ``MambaVision``.

    Args:
        official: Tensors by official names, without prefixes.

    Raises:
        ConversionError: A name that is not known, or one that is absent, or a
            tensor that is not shaped as in the other blocks.
    """
    depths = depths_of(official, 'levels')
    scaled = any(name.endswith('.gamma_1') for name in official)
    names = name_map(depths, scaled)
    _check(official, set(names), 'official MambaVision')
    return {ours: official[theirs] for theirs, ours in names.items()}


def to_official(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a classifier with our ``MambaVision`` by official names.

    Raises:
        ConversionError: A name that is not known, or one that is absent, or a
            tensor that is not shaped as in the other blocks.
    """
    depths = depths_of(weights, 'backbone.stages')
    scaled = any(name.endswith('.scale1') for name in weights)
    names = name_map(depths, scaled)
    _check(weights, set(names.values()), 'mmmap MambaVision classifier')
    return {theirs: weights[ours] for theirs, ours in names.items()}


def name_map(depths: tuple[int, ...], layer_scale: bool) -> dict[str, str]:
    """Official name to ours for every weight.

    Args:
        depths: Blocks of each stage.
        layer_scale: Whether branches have scales.
    """
    modules = dict(MODULES)
    for stage, depth in enumerate(depths):
        for index in range(depth):
            nest(
                modules,
                f'levels.{stage}.blocks.{index}',
                f'backbone.stages.{stage}.blocks.{index}',
                _block_table(stage, index, depth, layer_scale),
            )
    return {
        f'{theirs}{leaf}': f'{ours}{leaf}'
        for theirs, ours in modules.items()
        for leaf in _leaves(ours)
    }


def depths_of(weights: Mapping[str, Tensor], stages: str) -> tuple[int, ...]:
    """Blocks of each stage, which follow the name ``stages``."""
    return tuple(count(weights, f'{stages}.{i}.blocks') for i in range(STAGES))


def _block_table(
    stage: int, index: int, depth: int, layer_scale: bool
) -> dict[str, str]:
    if stage < CONV_STAGES:
        return CONV_BLOCK
    # Mamba in the first half of a stage, rounded up.
    mixer = MAMBA if 2 * index < depth else ATTENTION
    return {**MIXER_BLOCK, **mixer, **(LAYER_SCALE if layer_scale else {})}


def _leaves(module: str) -> tuple[str, ...]:
    return next(
        leaves for name, leaves in LEAVES.items() if re.fullmatch(name, module)
    )


def _check(weights: Mapping[str, Tensor], names: set, what: str) -> None:
    check_complete(set(weights) - names, names - set(weights), what)
    check_alike(weights, BLOCK, 'MambaVision')
