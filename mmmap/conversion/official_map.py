"""Weights of the published MAP code and ours, by tables used both ways.

Source of the names: the published 2-D pretraining code of MAP (CVPR 2025).
"""

import math
import re
from collections.abc import Mapping

from torch import Tensor

from .names import (
    ConversionError,
    check_alike,
    check_complete,
    count,
    nest,
    pattern_of_mmmap,
)

# Whole names; those of position embeddings change their shape too.
NAMES = {
    'pos_embed': 'backbone.pos_embed.weight',
    'mask_token': 'decoder.mask_token',
    'decoder_pos_embed_learned': 'decoder.pos_embed.weight',
}
MODULES = {
    'patch_embed.proj': 'backbone.patch_embed.proj',
    'norm_f': 'backbone.norm',
    'decoder_embed': 'decoder.embed',
    'decoder_norm': 'decoder.norm',
    'ar_pred': 'head.pred',
}
MAMBA_BLOCK = {
    'norm': 'norm',
    'mixer.in_proj': 'mixer.in_proj',
    'mixer.out_proj': 'mixer.out_proj',
    'mixer.A_log': 'mixer.ssm_forward.A_log',
    'mixer.D': 'mixer.ssm_forward.D',
    'mixer.conv1d': 'mixer.ssm_forward.conv1d',
    'mixer.x_proj': 'mixer.ssm_forward.x_proj',
    'mixer.dt_proj': 'mixer.ssm_forward.dt_proj',
    'mixer.A_b_log': 'mixer.ssm_backward.A_log',
    'mixer.D_b': 'mixer.ssm_backward.D',
    'mixer.conv1d_b': 'mixer.ssm_backward.conv1d',
    'mixer.x_proj_b': 'mixer.ssm_backward.x_proj',
    'mixer.dt_proj_b': 'mixer.ssm_backward.dt_proj',
}
ATTENTION_BLOCK = {
    'norm1': 'norm1',
    'attn.qkv': 'attn.qkv',
    'attn.proj': 'attn.proj',
    'norm2': 'norm2',
    'mlp.fc1': 'mlp.fc1',
    'mlp.fc2': 'mlp.fc2',
}
DECODER_BLOCK = {
    'norm2_1': 'norm_query',
    'norm2_2': 'norm_memory',
    'attn2.q': 'attn.q',
    'attn2.kv': 'attn.kv',
    'attn2.proj': 'attn.proj',
    'norm2': 'norm_mlp',
    'mlp.fc1': 'mlp.fc1',
    'mlp.fc2': 'mlp.fc2',
}
BLOCK = r'\.\d+\.'
# In official checkpoints, but unused in pretraining.
UNUSED = ('cls_token', 'pos_embed_cls', 'head.weight', 'head.bias')


def to_mmmap(
    official: Mapping[str, Tensor], pattern: str | None = None
) -> dict[str, Tensor]:
    """Official weights as those of ``MAP``.

    Args:
        official: Tensors by official names, without ``module.``.
        pattern: Order of the blocks, if known; see ``pattern_of``.

    Raises:
        ConversionError: A name that is not known, or one that is absent, or a
            tensor that is not shaped as in the other blocks.
    """
    names = name_map(
        pattern or pattern_of(official), count(official, 'decoder_blocks')
    )
    unknown = set(official) - set(names) - set(UNUSED)
    check_complete(unknown, set(names) - set(official), 'official MAP')
    check_alike(official, BLOCK, 'MAP')
    return {
        ours: _as_grid(official[theirs])
        if _is_grid(ours)
        else official[theirs]
        for theirs, ours in names.items()
    }


def to_official(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of our ``MAP`` by official names.

    Raises:
        ConversionError: A name that is not known, one that is absent, or
            something that official weights do not have: another order of
            blocks, or a grid that is not square.
    """
    names = name_map(
        pattern_of_mmmap(weights), count(weights, 'decoder.blocks')
    )
    unknown = set(weights) - set(names.values())
    missing = set(names.values()) - set(weights)
    check_complete(unknown, missing, 'mmmap MAP')
    check_alike(weights, BLOCK, 'MAP')
    official = {
        theirs: _as_tokens(weights[ours]) if _is_grid(ours) else weights[ours]
        for theirs, ours in names.items()
    }
    if pattern_of(official) != pattern_of_mmmap(weights):
        raise ConversionError(
            f'the order of blocks {pattern_of_mmmap(weights)} cannot be '
            'expressed in official names, which stand for an attention block '
            'after every few Mamba blocks'
        )
    return official


def name_map(pattern: str, decoder_depth: int) -> dict[str, str]:
    """Official name to ours for every weight of a pattern of blocks."""
    modules = dict(MODULES)
    counts = {'M': 0, 'T': 0}
    tables = {'M': ('layers', MAMBA_BLOCK), 'T': ('blocks', ATTENTION_BLOCK)}
    for index, kind in enumerate(pattern):
        theirs, table = tables[kind]
        nest(
            modules,
            f'{theirs}.{counts[kind]}',
            f'backbone.layers.{index}',
            table,
        )
        counts[kind] += 1
    for index in range(decoder_depth):
        nest(
            modules,
            f'decoder_blocks.{index}',
            f'decoder.blocks.{index}',
            DECODER_BLOCK,
        )
    names = dict(NAMES)
    for theirs, ours in modules.items():
        for leaf in _leaves(ours):
            names[f'{theirs}{leaf}'] = f'{ours}{leaf}'
    return names


def pattern_of(official: Mapping[str, Tensor]) -> str:
    """The order of blocks of official weights, for example ``'MMMT...'``.

    The names do not show where attention is; the published code has it after
    every so many Mamba blocks: three, if that gives the numbers found.

    Raises:
        ConversionError: No such order has these numbers of blocks.
    """
    mamba, attention = count(official, 'layers'), count(official, 'blocks')
    for every in (3, mamba // max(attention, 1)):
        if attention and every and mamba // every == attention:
            rest = mamba - every * attention
            return ('M' * every + 'T') * attention + 'M' * rest
    raise ConversionError(
        'expected official MAP weights with an attention block (blocks.*) '
        'after every few Mamba blocks (layers.*), found '
        f'{mamba} Mamba and {attention} attention blocks among '
        f'{len(official)} tensors'
    )


def unused_of(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The official weights that pretraining does not use."""
    return {name: official[name] for name in UNUSED if name in official}


def _leaves(module: str) -> tuple[str, ...]:
    """Suffixes of the tensors of one of our modules."""
    last = module.rsplit('.', 1)[-1]
    if last in ('A_log', 'D'):
        return ('',)
    without_bias = ('in_proj', 'out_proj', 'x_proj')
    is_rms_norm = module == 'backbone.norm' or re.fullmatch(
        r'backbone\.layers\.\d+\.norm', module
    )
    if last in without_bias or is_rms_norm:
        return ('.weight',)
    return ('.weight', '.bias')


def _is_grid(name: str) -> bool:
    return name.endswith('pos_embed.weight')


def _as_grid(tokens: Tensor) -> Tensor:
    """(1, L, C) -> (1, h, w, C); official grids are square."""
    edge = math.isqrt(tokens.shape[1])
    if edge * edge != tokens.shape[1]:
        raise ConversionError(
            f'a position embedding of {tokens.shape[1]} tokens is not of a '
            'square grid, as official ones are'
        )
    return tokens.unflatten(1, (edge, edge))


def _as_tokens(grid: Tensor) -> Tensor:
    """(1, h, w, C) -> (1, L, C)."""
    if grid.shape[1] != grid.shape[2]:
        raise ConversionError(
            f'a position embedding of a {grid.shape[1]}x{grid.shape[2]} grid '
            'cannot become official, those are square'
        )
    return grid.flatten(1, 2)
