"""Attention maps of a backbone.

Fused attention returns no weights; they are recomputed from the input of each
attention, which a hook keeps.

Letters: B batch, n heads, L tokens, C channels, d = C / n.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..models.backbones import HybridNet
from ..models.layers import Attention
from .depths import ATTENTION, kinds_of

# Larger attention matrices would fill the memory.
MOST_TOKENS = 8192


def attention_weights(
    attention: Attention, x: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Attention weights (B, n, L, L); rows sum to 1.

    Args:
        attention: The module.
        x: Its input, (B, L, C).
        mask: (L, L) bool, True where a token may attend.
    """
    q, k, _ = (
        part.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
        for part in attention.qkv(x).chunk(3, dim=-1)
    )
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.float().softmax(-1)


@torch.no_grad()
def attention_at(
    backbone: nn.Module, image: Tensor, depths: Sequence[int] | None = None
) -> dict[int, Tensor]:
    """Mean attention of all heads, (L, L), at each attention block.

    Args:
        backbone: HybridNet. Attention inside windows, as in MambaVision or
            with ``window_size``, gives no map of the whole image.
        image: One image, (1, 3, H, W), normalised.
        depths: Blocks; Mamba blocks are skipped. By default all.

    Returns:
        Empty for backbones other than HybridNet.

    Raises:
        InputError: The image has too many tokens.
    """
    if not isinstance(backbone, HybridNet):
        return {}
    h, w = backbone.grid(image)
    if h * w > MOST_TOKENS:
        raise InputError(
            f'an image of {h}x{w} tokens has too large attention matrices; '
            f'{MOST_TOKENS:,} tokens is the most. Use a smaller --size'
        )
    kinds = kinds_of(backbone)
    wanted = range(len(kinds)) if depths is None else depths
    wanted = [
        depth
        for depth in wanted
        if kinds[depth] == ATTENTION and depth not in backbone.windowed
    ]
    found: dict[int, Tensor] = {}

    def keep(depth):
        def hook(attention, inputs):
            found[depth] = attention_weights(attention, *inputs)[0].mean(0)

        return hook

    hooks = [
        backbone.layers[depth].attn.register_forward_pre_hook(keep(depth))
        for depth in wanted
    ]
    try:
        backbone(image)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def rollout(weights: Sequence[Tensor], residual: float = 0.5) -> list[Tensor]:
    """Attention rollout: attention accumulated over blocks.

    Each block passes on a part unchanged and attends with the rest. Mamba
    blocks in between also mix tokens, which is not included.

    Source: Abnar and Zuidema, "Quantifying Attention Flow in Transformers"
    (ACL 2020).

    Args:
        weights: (..., L, L) of each block, rows summing to 1.
        residual: The share that is passed on unchanged.

    Returns:
        (..., L, L) after each block, rows summing to 1.
    """
    flows: list[Tensor] = []
    for weight in weights:
        eye = torch.eye(weight.shape[-1], device=weight.device)
        step = residual * eye + (1 - residual) * weight
        flows.append(step @ flows[-1] if flows else step)
    return flows


def seen_by(
    weight: Tensor, grid: tuple[int, int], token: tuple[int, int] | None
) -> Tensor:
    """The attention of one token, or the mean of all, (h, w).

    Args:
        weight: (L, L).
        grid: h, w.
        token: Its row and column; None for the mean.

    Raises:
        InputError: No such token.
    """
    if token is None:
        return weight.mean(0).view(grid)
    if not (0 <= token[0] < grid[0] and 0 <= token[1] < grid[1]):
        raise InputError(
            f'there is no token {token} in a grid of {grid[0]}x{grid[1]}; '
            'rows and columns count from 0'
        )
    return weight[token[0] * grid[1] + token[1]].view(grid)
