"""Blocks of the backbone and of the decoder.

The backbone's stream is a pair: ``hidden``, the output of the last block, and
``residual``, the fp32 sum of those before it. A block takes and returns the
pair; the first block gets None as residual.

Letters: B batch, L tokens, C channels, h w token grid.
"""

import torch
from torch import Tensor, nn

from .attention import Attention, CrossAttention, WindowedAttention
from .drop_path import DropPath
from .ffn import Mlp

Stream = tuple[Tensor, Tensor | None]


class MambaBlock(nn.Module):
    """Add, norm, mixer.

    Args:
        mixer: Module (B, L, C) -> (B, L, C).
        dims: C.
        drop_path: Rate of dropping the incoming ``hidden``.
    """

    def __init__(
        self, mixer: nn.Module, dims: int, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(dims, eps=1e-5)
        self.mixer = mixer
        self.drop_path = DropPath(drop_path)

    def forward(self, hidden: Tensor, residual: Tensor | None) -> Stream:
        """hidden, residual (B, L, C) -> the pair after this block."""
        if residual is None:
            residual = hidden.float()
        else:
            residual = residual + self.drop_path(hidden)
        return self.mixer(self.norm(residual)), residual


class _ViTBlock(nn.Module):
    """The weights and branches of a pre-norm Transformer block.

    Args:
        dims: C.
        num_heads: Heads.
        mlp_ratio: Hidden channels of the MLP over C.
        drop_path: Rate of dropping a branch.
        qkv_bias: Whether queries, keys and values have a bias.
        window_size: Edge, in tokens, of the attention windows; None means
            global attention.
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        mlp_ratio: float,
        drop_path: float = 0.0,
        qkv_bias: bool = True,
        window_size: int | None = None,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dims, eps=1e-5)
        self.attn = (
            Attention(dims, num_heads, qkv_bias)
            if window_size is None
            else WindowedAttention(dims, num_heads, qkv_bias, window_size)
        )
        self.norm2 = nn.LayerNorm(dims, eps=1e-5)
        self.mlp = Mlp(dims, mlp_ratio)
        self.drop_path = DropPath(drop_path)

    def attention_branch(self, x: Tensor, look=None) -> Tensor:
        """``look`` is a mask (L, L), or the grid that windows are of."""
        return self.drop_path(self.attn(self.norm1(x), look))

    def mlp_branch(self, x: Tensor) -> Tensor:
        return self.drop_path(self.mlp(self.norm2(x)))


class PublishedAttentionBlock(_ViTBlock):
    """Attention placed as in the published MAP code.

    A whole ViT block, with its own residuals, acts on the last block's output,
    and its result is added to that output again.
    """

    def forward(
        self,
        hidden: Tensor,
        residual: Tensor | None,
        grid: tuple[int, int] | None = None,
    ) -> Stream:
        """hidden, residual (B, L, C) -> the pair after this block.

        Windows need the grid (h, w) of the tokens.
        """
        x = hidden + self.attention_branch(hidden, grid)
        x = x + self.mlp_branch(x)
        return hidden + x, residual


class ResidualAttentionBlock(_ViTBlock):
    """Attention on the residual stream: pre-norm, one residual.

    A stack of these blocks is a ViT.
    """

    def forward(
        self,
        hidden: Tensor,
        residual: Tensor | None,
        grid: tuple[int, int] | None = None,
    ) -> Stream:
        """hidden, residual (B, L, C) -> the pair after this block.

        Windows need the grid (h, w) of the tokens.
        """
        stream = hidden.float()
        if residual is not None:
            stream = residual + stream
        stream = stream + self.attention_branch(stream, grid)
        return self.mlp_branch(stream), stream


class ViTBlock(_ViTBlock):
    """A pre-norm Transformer block with one tensor in and out."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (B, L, C), mask (L, L) True where a token may look."""
        x = x + self.attention_branch(x, mask)
        return x + self.mlp_branch(x)


class DecoderBlock(nn.Module):
    """Attention under a mask, then an MLP; both pre-norm and residual.

    Queries and keys are normalised separately.

    Args:
        dims: C.
        num_heads: Heads.
        mlp_ratio: Hidden channels of the MLP over C.
    """

    def __init__(self, dims: int, num_heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm_query = nn.LayerNorm(dims)
        self.norm_memory = nn.LayerNorm(dims)
        self.attn = CrossAttention(dims, num_heads)
        self.norm_mlp = nn.LayerNorm(dims)
        self.mlp = Mlp(dims, mlp_ratio)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """x (B, L, C), mask (L, L) True where a token may look."""
        x = x + self.attn(self.norm_query(x), self.norm_memory(x), mask)
        return x + self.mlp(self.norm_mlp(x))


class MixerBlock(nn.Module):
    """A mixer of tokens, then an MLP; both pre-norm and residual.

    Args:
        mixer: Module (B, L, C) -> (B, L, C).
        dims: C.
        mlp_ratio: Hidden channels of the MLP over C.
        drop_path: Rate of dropping a branch.
        layer_scale: Initial value of the learned scales of the branches'
            channels; None for no scales.
    """

    def __init__(
        self,
        mixer: nn.Module,
        dims: int,
        mlp_ratio: float,
        drop_path: float = 0.0,
        layer_scale: float | None = None,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dims)
        self.mixer = mixer
        self.norm2 = nn.LayerNorm(dims)
        self.mlp = Mlp(dims, mlp_ratio)
        self.drop_path = DropPath(drop_path)
        self.scale1 = self.scale2 = None
        if layer_scale is not None:
            self.scale1 = nn.Parameter(torch.full((dims,), layer_scale))
            self.scale2 = nn.Parameter(torch.full((dims,), layer_scale))

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, C) -> (B, L, C)."""
        x = x + self._branch(self.mixer(self.norm1(x)), self.scale1)
        return x + self._branch(self.mlp(self.norm2(x)), self.scale2)

    def _branch(self, y: Tensor, scale: Tensor | None) -> Tensor:
        return self.drop_path(y if scale is None else scale * y)
