"""One decoder and its attention masks: MAP, MAE, AR, local MAE, by columns.

Letters: B batch, h w token grid, L = h*w tokens, V visible tokens, C channels
of the encoder, E channels of the decoder.

Source: MAP (Liu and Yi, CVPR 2025); full attention is MAE's (He et al.,
arXiv 2111.06377).
"""

from typing import ClassVar

import torch
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ..layers import DecoderBlock, PositionEmbedding
from ..layers.checks import check_channels, check_choice
from ..masking import Layout, MaskPlan

# Whether a query q may attend to a key k, both as (row, column).
ATTENTION_MASKS = {
    # MAP: the rows above and its own; a row is rebuilt in parallel.
    'rows': lambda q, k: k[0] <= q[0],
    # The same across the scan: the columns to the left and its own.
    'columns': lambda q, k: k[1] <= q[1],
    # MAE: everything.
    'full': lambda q, k: torch.ones_like(k[0] == q[0]),
    # AR, in the order of the scan: the tokens before, and itself.
    'raster': lambda q, k: (k[0] < q[0]) | ((k[0] == q[0]) & (k[1] <= q[1])),
    # AR in an order that disagrees with the scan: column by column.
    'raster_columns': lambda q, k: (
        (k[1] < q[1]) | ((k[1] == q[1]) & (k[0] <= q[0]))
    ),
    # Local MAE: its own row.
    'same_row': lambda q, k: k[0] == q[0],
}


def attention_mask(
    kind: str, grid: tuple[int, int], device: torch.device | None = None
) -> Tensor:
    """Attention mask (L, L), bool: True where a query may attend to a key.

    Every token may attend to itself, so no softmax is empty.

    Args:
        kind: A key of ``ATTENTION_MASKS``.
        grid: Rows and columns.
        device: Device of the result.
    """
    place = torch.arange(grid[0] * grid[1], device=device)
    row, column = place // grid[1], place % grid[1]
    queries = row[:, None], column[:, None]
    return ATTENTION_MASKS[kind](queries, (row, column))


@MODELS.register_module()
class MaskedDecoder(BaseModule):
    """Insert mask tokens at the hidden places and attend under a mask.

    A token may attend to its own place without leaking anything: a hidden
    token is a mask token with a position, also for AR. The encoder has
    already mixed the visible tokens in every direction, so the mask only
    decides in which order the decoder predicts.

    A hidden token that may attend to no visible one (``'same_row'`` in a row
    that is completely hidden, or the first hidden tokens of other orders) is
    predicted only from its position. Its loss counts like any other: it
    trains the decoder towards the mean and sends no gradient to the encoder.

    Args:
        in_channels: C.
        grid: Token grid of the position embeddings, resampled to others.
        embed_dims: E.
        depth: Blocks.
        num_heads: Heads; a divisor of ``embed_dims``.
        mlp_ratio: Hidden channels of the MLPs over E.
        attention: ``'rows'`` (MAP), ``'full'`` (MAE), ``'raster'`` (AR),
            ``'same_row'`` (local MAE); ``'columns'`` and
            ``'raster_columns'`` are MAP and AR across the encoder's scan.
        pos_embed: Initial position embeddings, ``'normal'`` or ``'sincos'``,
            as in ``HybridNet``.
        init_cfg: mmengine's.

    Raises:
        InputError: An unknown ``attention`` or ``pos_embed``.
    """

    implicit_settings: ClassVar[dict[str, str]] = dict(
        attention='testing', num_heads='testing'
    )

    def __init__(
        self,
        in_channels: int,
        grid: int | tuple[int, int] = 14,
        embed_dims: int = 192,
        depth: int = 4,
        num_heads: int = 16,
        mlp_ratio: float = 4.0,
        attention: str = 'rows',
        pos_embed: str = 'normal',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('decoder.attention', attention, ATTENTION_MASKS)
        self.attention = attention
        grid = (grid, grid) if isinstance(grid, int) else tuple(grid)
        self.embed = nn.Linear(in_channels, embed_dims)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.pos_embed = PositionEmbedding(embed_dims, grid, pos_embed)
        self.blocks = nn.ModuleList(
            DecoderBlock(embed_dims, num_heads, mlp_ratio)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(embed_dims)
        nn.init.normal_(self.mask_token, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(
        self, visible: Tensor, plan: MaskPlan, layout: Layout
    ) -> Tensor:
        """Features of every token of the grid.

        Args:
            visible: Encoded visible tokens, (B, V, C).
            plan: Where they belong.
            layout: Of all tokens.

        Returns:
            (B, L, E).

        Raises:
            InputError: The encoder has another number of channels.
        """
        check_channels(visible, self.embed.in_features, 'encoder', 'decoder')
        x = plan.restore(self.embed(visible), self.mask_token)
        x = x + self.pos_embed(layout.grid)
        mask = None
        if self.attention != 'full':
            mask = attention_mask(self.attention, layout.grid, x.device)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)
