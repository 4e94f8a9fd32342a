"""Multi-head attention.

Letters: B batch, L tokens, C channels, n heads, d = C / n channels a head,
h w token grid, S edge of a window.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .windows import from_windows, is_known, to_windows


def _split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, L, C) -> (B, n, L, d)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _merge_heads(x: Tensor) -> Tensor:
    """(B, n, L, d) -> (B, L, C)."""
    return x.transpose(1, 2).flatten(2)


def _check_heads(dims: int, heads: int) -> None:
    if heads < 1 or dims % heads:
        raise ValueError(
            f'{dims} channels cannot be split into {heads} heads; choose a '
            'number of heads that divides the channels'
        )


class Attention(nn.Module):
    """Self-attention with one projection for queries, keys and values.

    Args:
        dims: Channels.
        num_heads: Heads; a divisor of ``dims``.
        qkv_bias: Whether the input projection has a bias.
    """

    def __init__(
        self, dims: int, num_heads: int, qkv_bias: bool = True
    ) -> None:
        super().__init__()
        _check_heads(dims, num_heads)
        self.num_heads = num_heads
        self.qkv = nn.Linear(dims, 3 * dims, bias=qkv_bias)
        self.proj = nn.Linear(dims, dims)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (B, L, C); mask broadcastable to (L, L), True: may attend."""
        q, k, v = (
            _split_heads(part, self.num_heads)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(_merge_heads(attended))


class WindowedAttention(Attention):
    """Self-attention inside windows of the grid; its cost is linear in L.

    Windows that reach over the right or lower edge are padded, and the
    padding is masked.

    Source: Li et al., "Exploring Plain Vision Transformer Backbones for
    Object Detection" (arXiv 2203.16527), where the padding is not masked.

    Args:
        dims: Channels.
        num_heads: Heads; a divisor of ``dims``.
        qkv_bias: Whether the input projection has a bias.
        size: S, in tokens.
    """

    def __init__(
        self, dims: int, num_heads: int, qkv_bias: bool, size: int
    ) -> None:
        super().__init__(dims, num_heads, qkv_bias)
        self.size = size

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        """x (B, L, C), tokens in raster order on a grid (h, w)."""
        if is_known(grid) and self.size >= max(grid):  # one window
            return super().forward(x)
        windows = to_windows(x.transpose(1, 2).unflatten(2, grid), self.size)
        attended = super().forward(windows, self._real(x, grid))
        maps = from_windows(attended, self.size, grid)
        return maps.flatten(2).transpose(1, 2)

    def _real(self, x: Tensor, grid: tuple[int, int]) -> Tensor | None:
        """Which keys of each window are tokens; None if all are."""
        if is_known(grid) and not any(edge % self.size for edge in grid):
            return None
        tokens = torch.ones(1, 1, *grid, dtype=torch.bool, device=x.device)
        real = to_windows(tokens, self.size).repeat(x.shape[0], 1, 1)
        return real.mT.unsqueeze(1)  # (B*windows, 1, 1, S*S)


class CrossAttention(nn.Module):
    """Attention with separate projections for queries and for keys and values.

    Args:
        dims: Channels.
        num_heads: Heads; a divisor of ``dims``.
    """

    def __init__(self, dims: int, num_heads: int) -> None:
        super().__init__()
        _check_heads(dims, num_heads)
        self.num_heads = num_heads
        self.q = nn.Linear(dims, dims)
        self.kv = nn.Linear(dims, 2 * dims)
        self.proj = nn.Linear(dims, dims)

    def forward(
        self, query: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Attend.

        Args:
            query: (B, L, C).
            memory: (B, M, C).
            mask: Bool, (L, M): True where a query may attend.

        Returns:
            (B, L, C).
        """
        q = _split_heads(self.q(query), self.num_heads)
        k, v = (
            _split_heads(part, self.num_heads)
            for part in self.kv(memory).chunk(2, dim=-1)
        )
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(_merge_heads(attended))
