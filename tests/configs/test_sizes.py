"""Every config in its full size: widths, parameters, learning rates."""

import pytest
from mmengine.optim import build_optim_wrapper

from mmmap.models.backbones import MambaVision
from tests.configs.shipped import (
    CONFIGS,
    NAMED,
    built_on_meta,
    config_of,
    kind_in,
)
from tests.helpers import each

# Channels, millions of parameters of the encoder: the paper's and published
# ones; ViTs without a head and a class token, MambaVision without its head.
SIZES = {
    'hybridnet-tiny': (192, 9.33),
    'hybridnet-small': (384, 34.88),
    'hybridnet-base': (768, 134.64),
    'hybridnet-large': (1024, 473.4),
    'hybridnet-huge': (1536, 792.5),
    'vit-base': (768, 85.8),
    'vit-large': (1024, 303.3),
    'mamba-base': (768, 96.83),
    'mambavision-base': (1024, 97.69 - 1.025),
    'mambavision-large2': (1568, 241.55 - 1.569),
}


def optimizer_of(config, model):
    options = {**config.optim_wrapper, 'type': 'OptimWrapper'}
    options.pop('dtype', None)
    return build_optim_wrapper(model, options)


def widths_of(model):
    """What the parts behind the backbone take in."""
    neck = model.get('neck')
    if neck:
        yield neck.get('in_channels', neck.get('input_features'))
    if model.type == 'MoCoV3':
        assert model.head.predictor.in_channels == neck.out_channels
        return
    if 'grid' in model.get('decoder', {}):
        yield model.decoder.in_channels
        assert model.head.in_channels == model.decoder.embed_dims
    elif 'head' in model:
        yield model.head.in_channels
    if 'decode_head' in model:
        yield model.decode_head.in_channels
    if model.get('auxiliary_head'):
        widths = model.decode_head.in_channels
        head = model.auxiliary_head
        assert head.in_channels == widths[head.in_index]


def maps_of(backbone):
    """Channels of each of a backbone's outputs."""
    if isinstance(backbone, MambaVision):
        return [backbone.widths[i] for i in backbone.out_indices]
    return [backbone.embed_dims] * len(backbone.out_indices)


def width_of(backbone):
    """Channels of a backbone's last output."""
    return maps_of(backbone)[-1]


def blocks_of(backbone):
    """How many blocks a backbone has."""
    if isinstance(backbone, MambaVision):
        return sum(backbone.depths)
    return len(backbone.pattern)


def ends_of(backbone):
    """A weight before the first block, and one of the last block."""
    if isinstance(backbone, MambaVision):
        return 'stem.0.weight', 'stages.3.blocks.4.norm1.bias'
    norm = 'norm1.bias' if backbone.pattern[-1] == 'T' else 'norm.weight'
    last = len(backbone.pattern) - 1
    return 'patch_embed.proj.bias', f'layers.{last}.{norm}'


def encoder_of(backbone):
    """Parameters of an encoder, as if for classification at 224 px."""
    # Position embeddings of other sizes, norms of more outputs, and what
    # pretraining has: the same blocks.
    extra = ('pos_embed.', 'norm.', 'out_norms.', 'mask_token')
    blocks = sum(
        p.numel()
        for n, p in backbone.named_parameters()
        if not n.startswith(extra)
    )
    dims = width_of(backbone)
    if isinstance(backbone, MambaVision):
        return blocks + 2 * dims
    return blocks + 196 * dims + dims


@each(CONFIGS)
def test_widths_fit(name):
    maps = maps_of(built_on_meta(name).backbone)
    for widths in widths_of(config_of(name).model):
        if isinstance(widths, int):
            assert widths == maps[-1]
        else:
            assert list(widths) == maps


@pytest.mark.slow
@each(NAMED)
def test_full_size_and_learning_rates(name):
    config = config_of(name)
    model = built_on_meta(name)
    dims, millions = SIZES[kind_in(name)]
    assert width_of(model.backbone) == dims
    encoder = encoder_of(model.backbone)
    assert encoder / 1e6 == pytest.approx(millions, rel=5e-4)

    names = {id(p): n for n, p in model.named_parameters()}
    wrapper = optimizer_of(config, model)
    rates = {
        names[id(p)]: group['lr']
        for group in wrapper.optimizer.param_groups
        for p in group['params']
    }
    learned = {n for n, p in model.named_parameters() if p.requires_grad}
    assert rates.keys() == learned
    base = config.optim_wrapper.optimizer.lr
    outside = {lr for n, lr in rates.items() if not n.startswith('backbone.')}
    assert outside == {base}
    if config.model.backbone.get('frozen_stages', -1) > 0:
        assert not [n for n in rates if n.startswith('backbone.')]
        return
    paramwise = config.optim_wrapper.get('paramwise_cfg', {})
    rate = paramwise.get('layer_decay_rate', 1.0)
    depth = blocks_of(model.backbone)
    first, last = ends_of(model.backbone)
    assert rates[f'backbone.{first}'] == pytest.approx(
        base * rate ** (depth + 1)
    )
    assert rates[f'backbone.{last}'] == pytest.approx(base * rate)
    assert rates['backbone.norm.weight'] == pytest.approx(base)
