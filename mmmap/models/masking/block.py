"""Masking of neighbouring places in space."""

from typing import ClassVar

import torch
from torch import nn

from ...errors import InputError
from .base import Layout, MaskPlan, hide
from .ratio import MaskRatio


class PointBlockMasking(nn.Module):
    """Hide the places around one of them, drawn for each cloud.

    Source: the block masking of Point-MAE (Pang et al., arXiv 2203.06604).

    Args:
        ratio: See ``MaskRatio``.
    """

    implicit_settings: ClassVar[dict[str, str]] = dict(ratio='resuming')

    def __init__(self, ratio: float | dict[str, float] = 0.6) -> None:
        super().__init__()
        self.ratio = MaskRatio(ratio)

    def forward(self, layout: Layout) -> MaskPlan:
        """Mask a batch of clouds by the centres of their tokens.

        Of two centres equally far away, the lower index is hidden.

        Raises:
            InputError: The tokens are not places in space.
        """
        places = layout.centers
        if places is None:
            raise InputError(
                'PointBlockMasking hides neighbours in space, and the tokens '
                'of this backbone are patches of a grid: use RandomMasking'
            )
        batch, length, _ = places.shape
        hidden = self.ratio.hidden(length)
        drawn = torch.randint(length, (batch, 1, 1), device=places.device)
        middle = places.gather(1, drawn.expand(-1, -1, places.shape[-1]))
        distance = (places - middle).square().sum(-1)
        nearest = distance.sort(dim=1, stable=True).indices[:, :hidden]
        mask = torch.zeros_like(distance, dtype=torch.bool)
        return hide(mask.scatter_(1, nearest, True), hidden)

    def extra_repr(self) -> str:
        """The settings."""
        return f'ratio={self.ratio}'
