"""Modules with weights that no config names; they need only torch."""

from .attention import Attention, CrossAttention, WindowedAttention
from .blocks import (
    DecoderBlock,
    MambaBlock,
    MixerBlock,
    PublishedAttentionBlock,
    ResidualAttentionBlock,
    ViTBlock,
)
from .conv_blocks import ConvBlock, ConvStem, Downsample
from .denoiser import DenoisingMLP
from .drop_path import DropPath
from .embed import PatchEmbed, patchify, unpatchify
from .ffn import Mlp
from .mamba_mixer import BidirectionalMamba, SelectiveSSM
from .mamba_vision_mixer import MambaVisionMixer
from .norm import LayerNorm2d
from .position import PositionEmbedding
from .recompute import run_block
from .windows import from_windows, to_windows

__all__ = [
    'Attention',
    'BidirectionalMamba',
    'ResidualAttentionBlock',
    'ConvBlock',
    'ConvStem',
    'CrossAttention',
    'DecoderBlock',
    'DenoisingMLP',
    'Downsample',
    'DropPath',
    'LayerNorm2d',
    'MambaBlock',
    'MambaVisionMixer',
    'MixerBlock',
    'Mlp',
    'PatchEmbed',
    'PositionEmbedding',
    'PublishedAttentionBlock',
    'SelectiveSSM',
    'ViTBlock',
    'WindowedAttention',
    'from_windows',
    'patchify',
    'run_block',
    'to_windows',
    'unpatchify',
]
