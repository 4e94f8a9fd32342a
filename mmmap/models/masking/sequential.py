"""Masking of a run of tokens in raster order."""

from typing import ClassVar

import torch
from torch import nn

from ...errors import InputError
from .base import Layout, MaskPlan, hide
from .ratio import MaskRatio


class SequentialMasking(nn.Module):
    """Hide a contiguous run in raster order.

    Args:
        ratio: See ``MaskRatio``.
        start: First hidden token; None draws one for each image.
    """

    implicit_settings: ClassVar[dict[str, str]] = dict(ratio='resuming')

    def __init__(
        self,
        ratio: float | dict[str, float] = 0.5,
        start: int | None = None,
    ) -> None:
        super().__init__()
        self.ratio = MaskRatio(ratio)
        self.start = start

    def forward(self, layout: Layout) -> MaskPlan:
        """Mask a batch of tokens.

        Raises:
            InputError: The run does not fit after ``start``.
        """
        grid, batch, device, _ = layout
        length = layout.length
        hidden = self.ratio.hidden(length)
        last_start = length - hidden
        if self.start is None:
            first = torch.randint(last_start + 1, (batch, 1), device=device)
        elif 0 <= self.start <= last_start:
            first = torch.full((batch, 1), self.start, device=device)
        else:
            raise InputError(
                f'a run of {hidden} hidden tokens cannot start at '
                f'{self.start} in a grid of {grid[0]}x{grid[1]}; '
                f'start must be in [0, {last_start}]'
            )
        place = torch.arange(length, device=device)
        mask = (place >= first) & (place < first + hidden)
        return hide(mask, hidden)

    def extra_repr(self) -> str:
        """The settings."""
        return f'ratio={self.ratio}, start={self.start}'
