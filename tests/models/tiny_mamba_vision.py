"""A MambaVision, and a MAP with it, small enough for tests."""

import torch

from mmmap.models.backbones import MambaVision
from tests.models.tiny import tiny_map

ARCH = dict(
    embed_dims=4,
    stem_dims=4,
    depths=(1, 1, 3, 2),
    num_heads=(2, 4),
    window_sizes=(3, 2),
)


def tiny_mamba_vision(seed=0, **options):
    """A seeded backbone; options replace its own."""
    torch.manual_seed(seed)
    return MambaVision(**dict(arch=ARCH) | options)


def tiny_mamba_vision_map(seed=0, backbone=None, img_size=64, **parts):
    """A seeded MAP on units of 32 pixels."""
    backbone = dict(type='MambaVision', arch=ARCH, out_type='raw') | (
        backbone or {}
    )
    grid = img_size // 32
    parts = (
        dict(
            backbone=backbone,
            decoder=dict(
                type='MaskedDecoder',
                in_channels=32,
                grid=grid,
                embed_dims=8,
                depth=2,
                num_heads=2,
                mlp_ratio=2.0,
            ),
            target_generator=dict(type='PixelTarget', patch_size=32),
            head=dict(type='PixelHead', in_channels=8, patch_size=32),
        )
        | parts
    )
    return tiny_map(seed, **parts)
