"""Our numbers against those of the published MAP code for points."""

from collections.abc import Mapping

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ..models.masking import hide
from .fixtures import check_fixture, check_keys, relative_error
from .official_points import name_map, pattern_of_mmmap, to_mmmap

FIXTURE = {'config', 'pretrain', 'finetune'}
CONFIG = {
    'dim',
    'depth',
    'transformer_every',
    'num_heads',
    'attention_mlp_ratio',
    'num_group',
    'group_size',
    'center_local_k',
    'mask_ratio',
    'decoder_depth',
    'decoder_num_heads',
    'loss',
    'num_classes',
}
PRETRAIN = {
    'state_dict',
    'points',
    'mask',
    'neighborhood',
    'center',
    'encoder_visible',
    'loss',
    'grads',
}
FINETUNE = {'state_dict', 'tokens', 'logits'}
LOSSES = {'chamfer_l1': 'l1', 'chamfer_l2': 'l2'}


def points_errors(fixture: Mapping) -> dict[str, float]:
    """Largest relative error of each quantity of a fixture on points.

    Relative to the largest official value of that quantity; with all that is
    special in the published code.

    Raises:
        ValueError: The fixture is of another form.
    """
    check_fixture('MAP on points', fixture, FIXTURE, CONFIG)
    check_keys("a fixture's pretrain", fixture['pretrain'], PRETRAIN)
    check_keys("a fixture's finetune", fixture['finetune'], FINETUNE)
    config = fixture['config']
    if config['loss'] not in LOSSES:
        raise ValueError(
            f'the loss is {config["loss"]!r}, ours are {", ".join(LOSSES)}'
        )
    points = fixture['pretrain']['points']
    return {
        **_pretrain_errors(fixture['pretrain'], config),
        **_finetune_errors(fixture['finetune'], config, points),
    }


def _pretrain_errors(official: Mapping, config: Mapping) -> dict[str, float]:
    if not official['grads']:
        raise ValueError('the fixture lists no gradients to compare')
    model = _loaded(build_official_pretraining(config), official)
    groups = model.backbone.group(official['points'])
    masked = hide(official['mask'].bool())
    (visible,) = model.backbone.encode(groups, masked.keep)
    features, _ = model.decode(groups, masked)
    loss = model.head.loss(features, groups.offsets, masked.mask)
    loss.backward()
    ours = dict(
        center=groups.centers,
        neighborhood=groups.offsets,
        encoder_visible=visible.detach(),
        loss=loss.detach(),
    )
    errors = {
        name: relative_error(value, official[name])
        for name, value in ours.items()
    }
    weights = model.state_dict()
    names = name_map('pretrain', pattern_of_mmmap(weights), weights)
    for name, grad in official['grads'].items():
        if name not in names:
            raise ValueError(f'a gradient of an unknown weight, {name}')
        own = model.get_parameter(names[name]).grad
        errors[f'grad {name}'] = relative_error(own.view(grad.shape), grad)
    return errors


@torch.no_grad()
def _finetune_errors(
    official: Mapping, config: Mapping, points: Tensor
) -> dict[str, float]:
    model = _loaded(build_official_classifier(config), official)
    backbone = model.backbone
    backbone.out_type = 'raw'
    (tokens,) = backbone(points)
    logits = model.head((backbone.pool(tokens),))
    return dict(
        tokens=relative_error(tokens, official['tokens']),
        logits=relative_error(logits, official['logits']),
    )


def _loaded(model: nn.Module, official: Mapping) -> nn.Module:
    # Fixtures may hold weights in bf16.
    weights = {
        name: x.float() if x.is_floating_point() else x
        for name, x in to_mmmap(official['state_dict']).items()
    }
    model.load_state_dict(weights)
    return model.eval()


def build_official_pretraining(config: Mapping) -> nn.Module:
    """Our ``PointMAP`` with the sizes of an official configuration."""
    return MODELS.build(
        dict(
            type='PointMAP',
            backbone=_backbone(config),
            masking=dict(type='RandomMasking', ratio=config['mask_ratio']),
            decoder=dict(
                type='PointDecoder',
                in_channels=config['dim'],
                depth=config['decoder_depth'],
                num_heads=config['decoder_num_heads'],
            ),
            head=dict(
                type='ChamferHead',
                in_channels=config['dim'],
                group_size=config['group_size'],
                norm=LOSSES[config['loss']],
            ),
            data_preprocessor=dict(type='PointDataPreprocessor'),
        )
    )


def build_official_classifier(config: Mapping) -> nn.Module:
    """Our classifier with the sizes of an official configuration."""
    return MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=_backbone(config)
            | dict(
                with_cls_token=True,
                out_type='pooled',
                first_sample_mean=True,
            ),
            head=dict(
                type='PointClsHead',
                num_classes=config['num_classes'],
                in_channels=2 * config['dim'],
            ),
            data_preprocessor=dict(type='PointDataPreprocessor'),
        )
    )


def _backbone(config: Mapping) -> dict:
    return dict(
        type='HybridNetPoints',
        arch=dict(
            embed_dims=config['dim'],
            mamba_depth=config['depth'],
            attention_every=config['transformer_every'],
            num_heads=config['num_heads'],
            mlp_ratio=config['attention_mlp_ratio'],
        ),
        num_groups=config['num_group'],
        group_size=config['group_size'],
        num_neighbours=config['center_local_k'],
        batch_std=True,
    )
