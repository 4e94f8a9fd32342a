"""Comparing our numbers with those of an official implementation."""

from collections.abc import Mapping

from mmpretrain.registry import MODELS

from ..errors import InputError
from ..models.masking import hide
from ..models.selfsup import MAP
from .fixtures import (
    check_fixture,
    named_gradients,
    own_gradients,
    relative_errors,
)
from .mamba_vision_parity import FIXTURE as MAMBA_VISION_FIXTURE
from .mamba_vision_parity import mamba_vision_errors
from .official_map import name_map, to_mmmap
from .points_parity import FIXTURE as POINTS_FIXTURE
from .points_parity import points_errors, points_rounding

MAP_FIXTURE = {
    'config',
    'state_dict',
    'image',
    'mask',
    'encoder_visible',
    'decoder_pred',
    'loss',
    'encoder_full',
    'grads',
}
RMS_NORM_EPS = 1e-5
MAP_CONFIG = {
    'img_size',
    'patch_size',
    'embed_dim',
    'mamba_depth',
    'transformer_every',
    'num_heads',
    'transformer_mlp_ratio',
    'd_state',
    'd_conv',
    'expand',
    'rms_norm_eps',
    'decoder_embed_dim',
    'decoder_num_heads',
    'decoder_depth',
    'decoder_mlp_ratio',
    'norm_pix',
}


def errors_of(fixture: Mapping) -> dict[str, float]:
    """Largest relative error of each quantity of a fixture of any kind.

    Kinds are recognised by keys that only they have.

    Raises:
        InputError: It is of no known kind, or has another form.
    """
    kinds = {
        map_errors: MAP_FIXTURE - MAMBA_VISION_FIXTURE,
        mamba_vision_errors: MAMBA_VISION_FIXTURE - MAP_FIXTURE,
        points_errors: POINTS_FIXTURE - MAP_FIXTURE - MAMBA_VISION_FIXTURE,
    }
    for compare, signs in kinds.items():
        if signs & set(fixture):
            return compare(fixture)
    raise InputError(
        'neither a fixture of 2-D MAP, which has '
        f'{sorted(MAP_FIXTURE)}, nor of MambaVision, which has '
        f'{sorted(MAMBA_VISION_FIXTURE)}, nor of MAP on points, which has '
        f'{sorted(POINTS_FIXTURE)}; its keys are {sorted(fixture)}'
    )


def rounding_of(fixture: Mapping) -> dict[str, float]:
    """The distance of our quantities in fp32 from fp64, if it matters.

    It is for fixtures on points, whose first block divides by a small
    standard deviation; for others, which agree without it, it is empty.
    """
    return points_rounding(fixture) if set(fixture) >= POINTS_FIXTURE else {}


def map_errors(fixture: Mapping) -> dict[str, float]:
    """Largest relative error of each quantity of a fixture of 2-D MAP.

    Relative to the largest official value of that quantity.

    Raises:
        InputError: The fixture is of another form.
    """
    check_fixture('2-D MAP', fixture, MAP_FIXTURE, MAP_CONFIG)
    if not fixture['grads']:
        raise InputError('the fixture lists no gradients to compare')
    model = build_official(fixture['config'])
    pattern, depth = model.backbone.pattern, len(model.decoder.blocks)
    model.load_state_dict(to_mmmap(fixture['state_dict'], pattern))
    model.eval()
    plan = hide(fixture['mask'].bool())
    image = fixture['image']

    (full,) = model.backbone(image)
    (visible,) = model.backbone(image, plan.ids_keep)
    features = model.decoder(visible, plan, model.backbone.layout(image))
    target = model.target_generator(image)
    loss = model.head.loss(features, target, plan.predicted)
    loss.backward()

    ours = {
        'encoder_visible': visible,
        'encoder_full': full,
        'decoder_pred': model.head(features),
        'loss': loss,
    }
    grads = fixture['grads']
    ours |= own_gradients(model, name_map(pattern, depth), grads)
    return relative_errors(ours, {**fixture, **named_gradients(grads)})


def build_official(config: Mapping) -> MAP:
    """Our ``MAP`` with the sizes of an official configuration.

    Raises:
        InputError: A size that our model does not have.
    """
    if config['rms_norm_eps'] != RMS_NORM_EPS:
        raise InputError(
            f'rms_norm_eps is {config["rms_norm_eps"]}, our norms have '
            f'{RMS_NORM_EPS} as the published ones'
        )
    grid = config['img_size'] // config['patch_size']
    decoder_dims = config['decoder_embed_dim']
    return MODELS.build(
        dict(
            type='MAP',
            backbone=dict(
                type='HybridNet',
                arch=dict(
                    embed_dims=config['embed_dim'],
                    mamba_depth=config['mamba_depth'],
                    attention_every=config['transformer_every'],
                    num_heads=config['num_heads'],
                    mlp_ratio=config['transformer_mlp_ratio'],
                    d_state=config['d_state'],
                    d_conv=config['d_conv'],
                    expand=config['expand'],
                ),
                img_size=config['img_size'],
                patch_size=config['patch_size'],
                out_type='raw',
            ),
            masking=dict(type='RandomMasking'),
            decoder=dict(
                type='MaskedDecoder',
                in_channels=config['embed_dim'],
                grid=grid,
                embed_dims=decoder_dims,
                depth=config['decoder_depth'],
                num_heads=config['decoder_num_heads'],
                mlp_ratio=config['decoder_mlp_ratio'],
            ),
            target_generator=dict(
                type='PixelTarget',
                patch_size=config['patch_size'],
                norm_pix=config['norm_pix'],
            ),
            head=dict(
                type='PixelHead',
                in_channels=decoder_dims,
                patch_size=config['patch_size'],
            ),
        )
    )
