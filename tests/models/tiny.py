"""A MAP small enough for tests."""

import torch
from mmpretrain.registry import MODELS

import mmmap  # noqa: F401  registers the models

PATCH = 4


def tiny_map(seed=0, img_size=16, norm_pix=True, **parts):
    """A seeded MAP of some thousand parameters; parts replace its own."""
    torch.manual_seed(seed)
    config = dict(
        type='MAP',
        backbone=dict(
            type='HybridNet',
            arch=dict(embed_dims=16, pattern='MMT', num_heads=2, d_state=4),
            img_size=img_size,
            patch_size=PATCH,
            out_type='raw',
        ),
        masking=dict(type='RandomMasking', ratio=0.5),
        decoder=dict(
            type='MaskedDecoder',
            in_channels=16,
            grid=img_size // PATCH,
            embed_dims=8,
            depth=2,
            num_heads=2,
            mlp_ratio=2.0,
        ),
        target_generator=dict(
            type='PixelTarget', patch_size=PATCH, norm_pix=norm_pix
        ),
        head=dict(type='PixelHead', in_channels=8, patch_size=PATCH),
        data_preprocessor=dict(
            type='SelfSupDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=True,
        ),
    )
    return MODELS.build(config | parts)


def seeded_images(batch=2, size=16, seed=1):
    """Noise, (B, 3, size, size)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 3, size, size, generator=generator)


def without_gradient(model):
    """Names of parameters that a backward pass did not reach."""
    return [
        name
        for name, p in model.named_parameters()
        if p.grad is None or not p.grad.any()
    ]
