"""Building blocks with weights and without configs; torch only."""

from .attention import Attention, CrossAttention
from .blocks import (
    CleanAttentionBlock,
    DecoderBlock,
    MambaBlock,
    PublishedAttentionBlock,
)
from .denoiser import DenoisingMLP
from .drop_path import DropPath
from .embed import PatchEmbed, patchify, unpatchify
from .ffn import Mlp
from .mamba_mixer import BidirectionalMamba, SelectiveSSM
from .position import PositionEmbedding

__all__ = [
    'Attention',
    'BidirectionalMamba',
    'CleanAttentionBlock',
    'CrossAttention',
    'DecoderBlock',
    'DenoisingMLP',
    'DropPath',
    'MambaBlock',
    'Mlp',
    'PatchEmbed',
    'PositionEmbedding',
    'PublishedAttentionBlock',
    'SelectiveSSM',
    'patchify',
    'unpatchify',
]
