"""Official weights and fixtures on points made by hand, of any size.

The values are ours: what these test is names, sizes and bookkeeping. Numbers
of the official code are in the fixtures of ``shared/parity``.
"""

import torch

from mmmap.conversion.official_points import to_official
from mmmap.conversion.points_parity import (
    build_official_classifier,
    build_official_pretraining,
)
from mmmap.models.masking import hide
from tests.models.tiny_points import seeded_clouds

CONFIG = dict(
    dim=8,
    depth=4,
    transformer_every=2,
    num_heads=2,
    attention_mlp_ratio=2.0,
    num_group=9,
    group_size=5,
    center_local_k=3,
    mask_ratio=0.6,
    decoder_depth=2,
    decoder_num_heads=2,
    loss='chamfer_l2',
    num_classes=5,
)


def official_weights(kind, **sizes):
    """Official weights of a pretraining or a classifier, all moved."""
    build = dict(
        pretrain=build_official_pretraining, finetune=build_official_classifier
    )[kind]
    torch.manual_seed(0)
    model = build(CONFIG | sizes).eval()
    for value in model.state_dict().values():
        if value.is_floating_point():
            value += 0.1 * torch.rand_like(value)
    weights = to_official(model.state_dict())
    if kind == 'pretrain':
        for name in ('cls_token', 'cls_pos'):
            weights[f'MAE_encoder.{name}'] = torch.randn(1, 1, 8)
    return weights, model


def make_fixture(**sizes):
    """A fixture of the form of ``shared/parity`` from our own models."""
    weights, model = official_weights('pretrain', **sizes)
    points = seeded_clouds(2, 40)
    groups = model.backbone.units(points)
    mask = torch.arange(groups.centers.shape[1]).expand(2, -1) % 2 == 0
    (visible,) = model.backbone(groups, hide(mask).ids_keep)
    features, _ = model.decode(groups, hide(mask))
    loss = model.head.loss(features, groups.offsets, mask)
    loss.backward()
    grads = to_official(model.state_dict(keep_vars=True))
    own = {x.data_ptr(): x.grad for x in model.parameters()}
    pretrain = dict(
        state_dict=weights,
        points=points,
        mask=mask,
        neighborhood=groups.offsets,
        center=groups.centers,
        encoder_visible=visible.detach(),
        loss=loss.detach(),
        grads={
            name: own[x.data_ptr()].view(x.shape)
            for name, x in grads.items()
            if own.get(x.data_ptr()) is not None
        },
    )
    weights, model = official_weights('finetune', **sizes)
    logits = model(points).detach()
    model.backbone.out_type = 'raw'
    (tokens,) = model.backbone(points)
    finetune = dict(state_dict=weights, tokens=tokens.detach(), logits=logits)
    return dict(config=CONFIG | sizes, pretrain=pretrain, finetune=finetune)
