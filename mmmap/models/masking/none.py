"""A mask ratio of 0."""

import torch
from torch import nn

from .base import Masked


class NoMasking(nn.Module):
    """Hide nothing and guess everything: an auto-encoder.

    The ratio of 0 in comparisons. No loss is defined over hidden tokens that
    are not there, so here every token is visible and every one is guessed.
    """

    def forward(
        self, batch: int, grid: tuple[int, int], device: torch.device
    ) -> Masked:
        """Keep all of a batch of token grids."""
        places = torch.arange(grid[0] * grid[1], device=device)
        keep = places.expand(batch, -1)
        return Masked(keep=keep, mask=torch.ones_like(keep).bool())
