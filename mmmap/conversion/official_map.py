"""Weights of the published MAP code and ours, by tables used both ways.

Source of the names: the published 2-D pretraining code of MAP (CVPR 2025).
"""

import math
import re
from collections.abc import Mapping

from torch import Tensor

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
# In official checkpoints, but without a part in pretraining.
UNUSED = ('cls_token', 'pos_embed_cls', 'head.weight', 'head.bias')


class ConversionError(ValueError):
    """Weights that are not of the form a converter expects."""


def to_mmmap(
    official: Mapping[str, Tensor], pattern: str | None = None
) -> dict[str, Tensor]:
    """Official weights as those of ``MAP``.

    Args:
        official: Tensors by official names, without ``module.``.
        pattern: Order of the blocks, where it is known; see
            :func:`pattern_of`.

    Raises:
        ConversionError: A name that is not known, or one that is absent, or a
            tensor that is not shaped as in the other blocks.
    """
    names = name_map(
        pattern or pattern_of(official), _count(official, 'decoder_blocks')
    )
    unknown = set(official) - set(names) - set(UNUSED)
    _check_complete(unknown, set(names) - set(official), 'official MAP')
    _check_alike(official)
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
        pattern_of_mmmap(weights), _count(weights, 'decoder.blocks')
    )
    unknown = set(weights) - set(names.values())
    missing = set(names.values()) - set(weights)
    _check_complete(unknown, missing, 'mmmap MAP')
    _check_alike(weights)
    official = {
        theirs: _as_tokens(weights[ours]) if _is_grid(ours) else weights[ours]
        for theirs, ours in names.items()
    }
    if pattern_of(official) != pattern_of_mmmap(weights):
        raise ConversionError(
            f'the order of blocks {pattern_of_mmmap(weights)} cannot be told '
            'in official names, which stand for an attention block after '
            'every few Mamba blocks'
        )
    return official


def name_map(pattern: str, decoder_depth: int) -> dict[str, str]:
    """Official name to ours for every weight of a pattern of blocks."""
    modules = dict(MODULES)
    counts = {'M': 0, 'T': 0}
    tables = {'M': ('layers', MAMBA_BLOCK), 'T': ('blocks', ATTENTION_BLOCK)}
    for index, kind in enumerate(pattern):
        theirs, table = tables[kind]
        _nest(
            modules,
            f'{theirs}.{counts[kind]}',
            f'backbone.layers.{index}',
            table,
        )
        counts[kind] += 1
    for index in range(decoder_depth):
        _nest(
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
    """The order of blocks of official weights, as ``'MMMT...'``.

    The names do not tell where attention is; the published code has it after
    every so many Mamba blocks: three, if that gives the numbers found.

    Raises:
        ConversionError: No such order has these numbers of blocks.
    """
    mamba, attention = _count(official, 'layers'), _count(official, 'blocks')
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


def unwrapped(content: Mapping) -> dict[str, Tensor]:
    """The weights of an official file, without the names of wrappers.

    Args:
        content: Weights by name, or a dict with them under ``model``; with
            or without ``module.`` of DDP before every name.

    Raises:
        ConversionError: There are no weights, or something between them.
    """
    weights = content.get('model', content)
    others = [
        name
        for name, value in weights.items()
        if not isinstance(value, Tensor)
    ]
    if not weights or others:
        raise ConversionError(
            'expected tensors by name, or a dict with them under the key '
            f'model; found {len(weights)} entries, no tensors: {others[:5]}'
        )
    return {
        name.removeprefix('module.'): value for name, value in weights.items()
    }


def unused_of(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What official weights hold that has no part in pretraining."""
    return {name: official[name] for name in UNUSED if name in official}


def pattern_of_mmmap(weights: Mapping[str, Tensor]) -> str:
    """The order of blocks of our ``MAP``'s weights."""
    depth = _count(weights, 'backbone.layers')
    return ''.join(
        'M' if f'backbone.layers.{i}.norm.weight' in weights else 'T'
        for i in range(depth)
    )


def _nest(modules: dict, theirs: str, ours: str, table: dict) -> None:
    for left, right in table.items():
        modules[f'{theirs}.{left}'] = f'{ours}.{right}'


def _leaves(module: str) -> tuple[str, ...]:
    """What follows the name of a module of ours in its tensors' names."""
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


def _count(weights: Mapping[str, Tensor], prefix: str) -> int:
    found = (
        re.match(rf'{re.escape(prefix)}\.(\d+)\.', key) for key in weights
    )
    return 1 + max((int(match[1]) for match in found if match), default=-1)


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


def _check_alike(weights: Mapping[str, Tensor]) -> None:
    """Check that a tensor has the same shape in every block that has it."""
    first: dict[str, str] = {}
    for name, tensor in weights.items():
        kind = re.sub(r'\.\d+\.', '.N.', name)
        model = first.setdefault(kind, name)
        if tensor.shape != weights[model].shape:
            raise ConversionError(
                f'{name} is {tuple(tensor.shape)}, but {model} is '
                f'{tuple(weights[model].shape)}: the file is damaged, or not '
                'of a MAP'
            )


def _check_complete(unknown: set, missing: set, what: str) -> None:
    if unknown or missing:
        raise ConversionError(
            f'these are not complete {what} weights: '
            f'{len(unknown)} unknown names {sorted(unknown)[:5]}, '
            f'{len(missing)} absent names {sorted(missing)[:5]}'
        )
