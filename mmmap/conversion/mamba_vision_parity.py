"""Our numbers against those of the published MambaVision."""

from collections.abc import Mapping

import torch
from mmpretrain.registry import MODELS
from torch import nn

from .fixtures import check_fixture, relative_errors
from .official_mamba_vision import CONV_STAGES, to_mmmap

FIXTURE = {
    'config',
    'state_dict',
    'image',
    'stem',
    'stages_before_downsample',
    'pooled',
    'logits',
}
CONFIG = {
    'dim',
    'in_dim',
    'depths',
    'num_heads',
    'window_size',
    'mlp_ratio',
    'layer_scale',
    'num_classes',
}


@torch.no_grad()
def mamba_vision_errors(fixture: Mapping) -> dict[str, float]:
    """Largest relative error of each quantity of a MambaVision fixture.

    Relative to the largest official value of that quantity.

    Raises:
        ValueError: The fixture is of another form.
    """
    check_fixture('MambaVision', fixture, FIXTURE, CONFIG)
    model = build_official(fixture['config'])
    model.load_state_dict(to_mmmap(fixture['state_dict']))
    model.eval()
    backbone, image = model.backbone, fixture['image']
    (pooled,) = backbone(image)
    ours = {'stem': backbone.stem(image)}
    official = {'stem': fixture['stem']}
    pairs = zip(
        backbone.stage_maps(image),
        fixture['stages_before_downsample'],
        strict=True,
    )
    for index, (mine, theirs) in enumerate(pairs):
        ours[f'stage {index + 1}'] = mine
        official[f'stage {index + 1}'] = theirs
    ours |= {'pooled': pooled, 'logits': model.head((pooled,))}
    official |= {'pooled': fixture['pooled'], 'logits': fixture['logits']}
    return relative_errors(ours, official)


def build_official(config: Mapping) -> nn.Module:
    """A classifier with the sizes of an official configuration."""
    return MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='MambaVision',
                arch=dict(
                    embed_dims=config['dim'],
                    stem_dims=config['in_dim'],
                    depths=config['depths'],
                    # The first stages have neither heads nor windows.
                    num_heads=config['num_heads'][CONV_STAGES:],
                    window_sizes=config['window_size'][CONV_STAGES:],
                    mlp_ratio=config['mlp_ratio'],
                    layer_scale=config['layer_scale'],
                ),
                out_type='avg_featmap',
            ),
            head=dict(
                type='LinearClsHead',
                num_classes=config['num_classes'],
                in_channels=8 * config['dim'],
            ),
        )
    )
