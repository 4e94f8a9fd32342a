"""Models on points small enough for tests."""

import torch
from mmpretrain.registry import MODELS

import mmmap  # noqa: F401  registers the models

GROUPS, SIZE, DIMS = 10, 6, 16
BACKBONE = dict(
    type='HybridNetPoints',
    arch=dict(embed_dims=DIMS, pattern='MMT', num_heads=2, d_state=4),
    num_groups=GROUPS,
    group_size=SIZE,
)


def tiny_backbone(seed=0, **settings):
    """A seeded backbone of ten groups."""
    torch.manual_seed(seed)
    return MODELS.build(BACKBONE | settings)


def tiny_point_map(seed=0, backbone=None, decoder=None, **parts):
    """A seeded PointMAP; settings replace those of its parts."""
    torch.manual_seed(seed)
    config = dict(
        type='PointMAP',
        backbone=BACKBONE | (backbone or {}),
        masking=dict(type='RandomMasking', ratio=0.6),
        decoder=dict(
            type='PointDecoder', in_channels=DIMS, depth=2, num_heads=2
        )
        | (decoder or {}),
        head=dict(type='ChamferHead', in_channels=DIMS, group_size=SIZE),
        data_preprocessor=dict(type='PointDataPreprocessor'),
    )
    return MODELS.build(config | parts)


def tiny_classifier(seed=0, classes=5, **backbone):
    """A seeded classifier with a class token."""
    torch.manual_seed(seed)
    settings = dict(with_cls_token=True, out_type='pooled') | backbone
    return MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=BACKBONE | settings,
            head=dict(
                type='PointClsHead', num_classes=classes, in_channels=2 * DIMS
            ),
            data_preprocessor=dict(type='PointDataPreprocessor'),
        )
    )


def seeded_clouds(batch=2, number=40, seed=1):
    """Noise, (B, N, 3)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, number, 3, generator=generator)
