"""Comparing our numbers with those of the published MAP code for points."""

from collections.abc import Mapping

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ..errors import InputError
from ..models.layers.points import PointGroups
from ..models.masking import hide
from .fixtures import (
    check_fixture,
    check_keys,
    named_gradients,
    own_gradients,
    relative_errors,
)
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

    Relative to the largest official value of that quantity, with all
    peculiarities of the published code.

    Raises:
        InputError: The fixture is of another form.
    """
    _check(fixture)
    ours = _ours(fixture, torch.float32)
    return relative_errors(ours, _official(fixture))


def points_rounding(fixture: Mapping) -> dict[str, float]:
    """The distance of each of our quantities in fp32 from fp64.

    Relative to its largest value. Two correct results in fp32 may be twice as
    far apart.

    Raises:
        InputError: The fixture is of another form.
    """
    _check(fixture)
    exact = _ours(fixture, torch.float64)
    return relative_errors(_ours(fixture, torch.float32), exact)


def _check(fixture: Mapping) -> None:
    check_fixture('MAP on points', fixture, FIXTURE, CONFIG)
    check_keys("a fixture's pretrain", fixture['pretrain'], PRETRAIN)
    check_keys("a fixture's finetune", fixture['finetune'], FINETUNE)
    if fixture['config']['loss'] not in LOSSES:
        raise InputError(
            f'the loss is {fixture["config"]["loss"]!r}, ours are '
            f'{", ".join(LOSSES)}'
        )
    if not fixture['pretrain']['grads']:
        raise InputError('the fixture lists no gradients to compare')


def _official(fixture: Mapping) -> dict[str, Tensor]:
    pretrain, finetune = fixture['pretrain'], fixture['finetune']
    names = ('center', 'neighborhood', 'encoder_visible', 'loss')
    return {
        **{name: pretrain[name] for name in names},
        **named_gradients(pretrain['grads']),
        **{name: finetune[name] for name in ('tokens', 'logits')},
    }


def _ours(fixture: Mapping, dtype: torch.dtype) -> dict[str, Tensor]:
    """The results of our models on a fixture, computed in a dtype."""
    config, points = fixture['config'], fixture['pretrain']['points']
    return {
        **_pretrained(fixture['pretrain'], config, dtype),
        **_finetuned(fixture['finetune'], config, points, dtype),
    }


def _pretrained(
    official: Mapping, config: Mapping, dtype: torch.dtype
) -> dict[str, Tensor]:
    model = _loaded(build_official_pretraining(config), official, dtype)
    groups = _groups(model.backbone, official['points'], dtype)
    plan = hide(official['mask'].bool())
    (visible,) = model.backbone(groups, plan.ids_keep)
    features, _ = model.decode(groups, plan)
    loss = model.head.loss(features, groups.offsets, plan.predicted)
    loss.backward()
    ours = dict(
        center=groups.centers,
        neighborhood=groups.offsets,
        encoder_visible=visible.detach(),
        loss=loss.detach(),
    )
    weights = model.state_dict()
    names = name_map('pretrain', pattern_of_mmmap(weights), weights)
    return ours | own_gradients(model, names, official['grads'])


@torch.no_grad()
def _finetuned(
    official: Mapping, config: Mapping, points: Tensor, dtype: torch.dtype
) -> dict[str, Tensor]:
    model = _loaded(build_official_classifier(config), official, dtype)
    backbone = model.backbone
    backbone.out_type = 'raw'
    (tokens,) = backbone(_groups(backbone, points, dtype))
    return dict(tokens=tokens, logits=model.head((backbone.pool(tokens),)))


def _groups(
    backbone: nn.Module, points: Tensor, dtype: torch.dtype
) -> PointGroups:
    # Groups are always computed in fp32.
    return PointGroups(*(x.to(dtype) for x in backbone.units(points)))


def _loaded(
    model: nn.Module, official: Mapping, dtype: torch.dtype
) -> nn.Module:
    # Fixtures may hold weights in bf16.
    weights = {
        name: x.float() if x.is_floating_point() else x
        for name, x in to_mmmap(official['state_dict']).items()
    }
    model.load_state_dict(weights)
    return model.to(dtype).eval()


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
