"""The decoder of tokens that are places in space.

Letters: B batch, L tokens, V visible tokens, C channels.

Source: the published MAP code for points (Liu and Yi, CVPR 2025); full
attention is Point-MAE's (Pang et al., arXiv 2203.06604).
"""

import math
from typing import ClassVar

import torch
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ..layers import ViTBlock
from ..layers.checks import check_channels, check_choice
from ..layers.points import position_mlp
from ..masking import Layout, MaskPlan
from ..masking.base import gather_tokens
from .masked_decoder import ATTENTION_MASKS, attention_mask

SEQUENCES = ('visible_first', 'places')


@MODELS.register_module()
class PointDecoder(BaseModule):
    """Predict hidden groups from visible ones and from the group centres.

    The attention masks are those of ``MaskedDecoder``, on rows of sqrt(L)
    consecutive tokens, rounded down; the last row may be shorter.

    Args:
        in_channels: C.
        depth: Blocks.
        num_heads: Heads; a divisor of C.
        mlp_ratio: Hidden channels of the MLPs over C.
        attention: ``'rows'`` (MAP), ``'full'`` (Point-MAE), ``'raster'``
            (AR), ``'same_row'`` (local), or another of
            ``MaskedDecoder``.
        sequence: Order of the tokens: ``'visible_first'``, as published, puts
            visible tokens before hidden ones, so rows have no meaning in
            space; ``'places'`` keeps the backbone's order, so rows along a
            curve are neighbours.
        init_cfg: mmengine's.

    Raises:
        InputError: An unknown ``attention`` or ``sequence``.
    """

    implicit_settings: ClassVar[dict[str, str]] = dict(
        attention='testing', num_heads='testing', sequence='testing'
    )

    def __init__(
        self,
        in_channels: int,
        depth: int = 4,
        num_heads: int = 6,
        mlp_ratio: float = 4.0,
        attention: str = 'rows',
        sequence: str = 'visible_first',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('decoder.attention', attention, ATTENTION_MASKS)
        check_choice('decoder.sequence', sequence, SEQUENCES)
        self.attention = attention
        self.sequence = sequence
        self.in_channels = in_channels
        self.mask_token = nn.Parameter(torch.zeros(1, 1, in_channels))
        self.position = position_mlp(in_channels, nn.GELU)
        self.blocks = nn.ModuleList(
            ViTBlock(in_channels, num_heads, mlp_ratio, qkv_bias=False)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(in_channels)
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(
        self, visible: Tensor, plan: MaskPlan, layout: Layout
    ) -> Tensor:
        """Features of every token, in the backbone's order.

        Args:
            visible: Encoded visible tokens, (B, V, C).
            plan: Where they belong.
            layout: Of all tokens, with their centres.

        Returns:
            (B, L, C).

        Raises:
            InputError: The encoder has another number of channels.
        """
        check_channels(visible, self.in_channels, 'encoder', 'decoder')
        x = plan.restore(visible, self.mask_token)
        position = self.position(layout.centers)
        if self.sequence == 'visible_first':
            order = plan.hidden.sort(dim=1, stable=True).indices
            x, position = (
                gather_tokens(x, order),
                gather_tokens(position, order),
            )
        mask = self._mask(x.shape[1], x.device)
        for block in self.blocks:
            x = block(x + position, mask)
        x = self.norm(x)
        if self.sequence == 'visible_first':
            x = gather_tokens(x, order.argsort(1))
        return x

    def _mask(self, length: int, device: torch.device) -> Tensor | None:
        if self.attention == 'full':
            return None
        edge = math.isqrt(length)
        grid = (-(-length // edge), edge)
        mask = attention_mask(self.attention, grid, device)
        return mask[:length, :length]
