"""A mask ratio of 0."""

import torch
from torch import nn

from .base import Layout, MaskPlan


class NoMasking(nn.Module):
    """Hide nothing and predict everything: an auto-encoder.

    Comparisons use it for a ratio of 0, for which a loss over hidden tokens
    is not defined.
    """

    def forward(self, layout: Layout) -> MaskPlan:
        """Keep all tokens of a batch."""
        places = torch.arange(layout.length, device=layout.device)
        ids_keep = places.expand(layout.batch, -1)
        hidden = torch.zeros_like(ids_keep).bool()
        return MaskPlan(ids_keep, hidden, predicted=~hidden)
