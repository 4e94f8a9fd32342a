"""A mask ratio of 0."""

import torch
from torch import nn

from .base import MaskPlan


class NoMasking(nn.Module):
    """Hide nothing and predict everything: an auto-encoder.

    This is the ratio of 0 in comparisons, where a loss over hidden tokens
    alone is not defined.
    """

    def forward(
        self, batch: int, grid: tuple[int, int], device: torch.device
    ) -> MaskPlan:
        """Keep all tokens of a batch of grids."""
        places = torch.arange(grid[0] * grid[1], device=device)
        ids_keep = places.expand(batch, -1)
        hidden = torch.zeros_like(ids_keep).bool()
        return MaskPlan(ids_keep, hidden, predicted=~hidden)
