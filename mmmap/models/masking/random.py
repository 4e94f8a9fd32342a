"""Random masking, the paper's best."""

from typing import ClassVar

import torch
from torch import nn

from .base import Layout, MaskPlan, hide
from .ratio import MaskRatio


class RandomMasking(nn.Module):
    """Hide tokens drawn uniformly, independently for each image.

    Args:
        ratio: See ``MaskRatio``.
    """

    implicit_settings: ClassVar[dict[str, str]] = dict(ratio='resuming')

    def __init__(self, ratio: float | dict[str, float] = 0.5) -> None:
        super().__init__()
        self.ratio = MaskRatio(ratio)

    def forward(self, layout: Layout) -> MaskPlan:
        """Mask a batch of tokens."""
        hidden = self.ratio.hidden(layout.length)
        size = layout.batch, layout.length
        noise = torch.rand(size, device=layout.device)
        mask = torch.zeros_like(noise, dtype=torch.bool)
        mask.scatter_(1, noise.topk(hidden, dim=1).indices, True)
        return hide(mask, hidden)

    def extra_repr(self) -> str:
        """The settings."""
        return f'ratio={self.ratio}'
