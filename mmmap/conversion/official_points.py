"""Weights of the published MAP code for points and ours, both ways.

Source of the names: the published 3-D code of MAP (CVPR 2025), which is made
to be put into Mamba3D's.
"""

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
from .official_map import ATTENTION_BLOCK
from .official_map import MAMBA_BLOCK as MAMBA_BLOCK_2D

# Shared by both published models, under their own prefixes.
ENCODER_PREFIX = {'pretrain': 'MAE_encoder.', 'finetune': ''}
ENCODER = {
    'encoder.first_conv': 'embed.first',
    'encoder.second_conv': 'embed.second',
    'pos_embed.0': 'position.0',
    'pos_embed.2': 'position.2',
    'norm': 'norm',
}
PRETRAIN = {
    'decoder_pos_embed.0': 'decoder.position.0',
    'decoder_pos_embed.2': 'decoder.position.2',
    'MAE_decoder.norm': 'decoder.norm',
    'increase_dim.0': 'head.pred',
}
CLS_HEAD = {f'cls_head_finetune.{i}': f'head.layers.{i}' for i in range(9)}
BLOCK = {
    'norm1': 'norm_local',
    'norm2': 'norm_mixer',
    'lfa.lga.affine_alpha_feat': 'local.scale',
    'lfa.lga.affine_beta_feat': 'local.shift',
    'lfa.pre_norm_ft': 'local.norm',
    'lfa.mlp.share_mlp': 'local.proj',
}
MAMBA_BLOCK = BLOCK | {
    theirs: ours
    for theirs, ours in MAMBA_BLOCK_2D.items()
    if theirs.startswith('mixer.')
}
VIT_BLOCK = BLOCK | {
    f'mixer.{theirs}': f'mixer.{ours}'
    for theirs, ours in ATTENTION_BLOCK.items()
}
BATCH_NORM = (
    '.weight',
    '.bias',
    '.running_mean',
    '.running_var',
    '.num_batches_tracked',
)
BLOCK_NUMBER = r'\.\d+\.'
CLASS_TOKEN = ('cls_token', 'cls_pos')


def kind_of(official: Mapping[str, Tensor]) -> str:
    """``'pretrain'`` or ``'finetune'``, by the names of official weights.

    Raises:
        ConversionError: Neither.
    """
    if any(name.startswith('MAE_encoder.') for name in official):
        return 'pretrain'
    if any(name.startswith('cls_head_finetune.') for name in official):
        return 'finetune'
    raise ConversionError(
        'expected official weights of MAP on points, of a pretraining '
        '(MAE_encoder.*) or a classifier (cls_head_finetune.*), found '
        f'{len(official)} tensors, as {sorted(official)[:5]}'
    )


def to_mmmap(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Official weights as those of ``PointMAP`` or of a classifier.

    Args:
        official: Tensors by official names, without ``module.``.

    Raises:
        ConversionError: A name that is not known, or one that is absent, or a
            tensor that is not shaped as in the other blocks.
    """
    kind = kind_of(official)
    names = name_map(kind, _pattern(official, ENCODER_PREFIX[kind]), official)
    unused = set(unused_of(official))
    unknown = set(official) - set(names) - unused
    what = f'official MAP on points ({kind})'
    check_complete(unknown, set(names) - set(official), what)
    check_alike(_blocks(official), BLOCK_NUMBER, 'MAP on points')
    return {
        ours: _as_ours(ours, official[theirs])
        for theirs, ours in names.items()
    }


def to_official(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of our ``PointMAP`` or classifier by official names.

    Raises:
        ConversionError: A name that is not known, one that is absent, or an
            order of blocks that official names cannot express.
    """
    kind = 'pretrain' if 'decoder.mask_token' in weights else 'finetune'
    pattern = pattern_of_mmmap(weights)
    names = name_map(kind, pattern, weights)
    unknown = set(weights) - set(names.values())
    missing = set(names.values()) - set(weights)
    check_complete(unknown, missing, f'mmmap point {kind}')
    official = {
        theirs: _as_theirs(theirs, weights[ours])
        for theirs, ours in names.items()
    }
    if _pattern(official, ENCODER_PREFIX[kind]) != pattern:
        raise ConversionError(
            f'the order of blocks {pattern} cannot be expressed in official '
            'names, which stand for an attention block after every few '
            'Mamba blocks'
        )
    return official


def unused_of(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The class token of a pretraining, in which it has no part."""
    if kind_of(official) == 'finetune':
        return {}
    names = [f'MAE_encoder.{name}' for name in CLASS_TOKEN]
    return {name: official[name] for name in names if name in official}


def name_map(
    kind: str, pattern: str, weights: Mapping[str, Tensor]
) -> dict[str, str]:
    """Official name to ours for every tensor.

    Args:
        kind: ``'pretrain'`` or ``'finetune'``.
        pattern: Order of the blocks.
        weights: Of either side, for the depth of the decoder.
    """
    prefix = ENCODER_PREFIX[kind]
    modules = {}
    for theirs, ours in ENCODER.items():
        parts = ('.0', '.1', '.3') if ours.startswith('embed') else ('',)
        for part in parts:
            modules[f'{prefix}{theirs}{part}'] = f'backbone.{ours}{part}'
    counts = {'M': 0, 'T': 0}
    tables = {'M': ('blocks', MAMBA_BLOCK), 'T': ('blocks_vit', VIT_BLOCK)}
    for index, block in enumerate(pattern):
        stack, table = tables[block]
        theirs = f'{prefix}blocks.{stack}.{counts[block]}'
        nest(modules, theirs, f'backbone.layers.{index}', table)
        counts[block] += 1
    names = {}
    if kind == 'finetune':
        modules |= {
            theirs: ours
            for theirs, ours in CLS_HEAD.items()
            if ours[-1] in '01458'
        }
        names['cls_token'] = 'backbone.cls_token'
        names['cls_pos'] = 'backbone.cls_position'
    else:
        modules |= PRETRAIN
        names['mask_token'] = 'decoder.mask_token'
        both = ('MAE_decoder.blocks', 'decoder.blocks')
        for index in range(max(count(weights, stack) for stack in both)):
            theirs, ours = (f'{stack}.{index}' for stack in both)
            nest(modules, theirs, ours, ATTENTION_BLOCK)
    for theirs, ours in modules.items():
        for leaf in _leaves(ours):
            names[f'{theirs}{leaf}'] = f'{ours}{leaf}'
    return names


def _pattern(official: Mapping[str, Tensor], prefix: str) -> str:
    """The order of blocks: attention after every three Mamba blocks."""
    stacks = ('blocks', 'blocks_vit')
    mamba, attention = (
        count(official, f'{prefix}blocks.{stack}') for stack in stacks
    )
    for every in (3, mamba // max(attention, 1)):
        if attention and every and mamba // every == attention:
            rest = mamba - every * attention
            return ('M' * every + 'T') * attention + 'M' * rest
    raise ConversionError(
        'expected an attention block (blocks_vit) after every few Mamba '
        f'blocks, found {mamba} Mamba and {attention} attention blocks'
    )


def _blocks(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of blocks; embedding and head layers are numbered too."""
    return {name: x for name, x in official.items() if 'blocks' in name}


def _leaves(module: str) -> tuple[str, ...]:
    """Suffixes of the tensors of one of our modules."""
    last = module.rsplit('.', 1)[-1]
    if last in ('A_log', 'D', 'scale', 'shift'):
        return ('',)
    if last in ('in_proj', 'out_proj', 'x_proj', 'qkv'):
        return ('.weight',)
    batch_norm = r'backbone\.embed\.\w+\.1|head\.layers\.[15]'
    if re.fullmatch(batch_norm, module):
        return BATCH_NORM
    return ('.weight', '.bias')


# Linear layers that are convolutions of width 1 there.
_CONVOLUTIONS = ('lfa.mlp.share_mlp.weight', 'increase_dim.0.weight')


def _as_ours(ours: str, x: Tensor) -> Tensor:
    if ours.endswith(('local.scale', 'local.shift')):
        return x.flatten()
    if ours.endswith(('local.proj.weight', 'head.pred.weight')):
        return x.flatten(1)
    return x


def _as_theirs(theirs: str, x: Tensor) -> Tensor:
    if theirs.endswith(('affine_alpha_feat', 'affine_beta_feat')):
        return x.view(1, 1, 1, -1)
    if theirs.endswith(_CONVOLUTIONS):
        return x.unsqueeze(-1)
    return x
