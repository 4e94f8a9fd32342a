"""Random masking, the paper's best."""

from typing import ClassVar

import torch
from torch import nn

from .base import MaskPlan, hide
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

    def forward(
        self, batch: int, grid: tuple[int, int], device: torch.device
    ) -> MaskPlan:
        """Mask a batch of token grids."""
        length = grid[0] * grid[1]
        hidden = self.ratio.hidden(length)
        noise = torch.rand(batch, length, device=device)
        mask = torch.zeros_like(noise, dtype=torch.bool)
        mask.scatter_(1, noise.topk(hidden, dim=1).indices, True)
        return hide(mask, hidden)

    def extra_repr(self) -> str:
        """The settings."""
        return f'ratio={self.ratio}'
