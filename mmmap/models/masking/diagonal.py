"""Masking of bands along the diagonal."""

from typing import ClassVar

import torch
from torch import nn

from ...errors import InputError
from .base import Layout, MaskPlan, hide
from .ratio import MaskRatio


class DiagonalMasking(nn.Module):
    """Hide a band of neighbouring diagonals, wrapped around the grid.

    Diagonals run down and to the right, one column per row, for any shape of
    the grid. A diagonal that leaves the grid at the right re-enters at the
    left, so each of the w diagonals has h tokens, one per row, and a band may
    look like several stripes. The band starts at the diagonal through column
    ``offset`` of the first row and grows to the right; its last diagonal is
    hidden from the top, as far as the count requires. All rows hide the same
    number of tokens, give or take one. A grid of one column is a single
    diagonal and has no band.

    Args:
        ratio: See ``MaskRatio``.
        offset: Column of the band's first token in the first row; None draws
            one for each image.
    """

    implicit_settings: ClassVar[dict[str, str]] = dict(ratio='resuming')

    def __init__(
        self,
        ratio: float | dict[str, float] = 0.5,
        offset: int | None = None,
    ) -> None:
        super().__init__()
        self.ratio = MaskRatio(ratio)
        self.offset = offset

    def forward(self, layout: Layout) -> MaskPlan:
        """Mask a batch of token grids.

        Raises:
            InputError: ``offset`` is not a column of the grid, or there is
                only one.
        """
        (h, w), batch, device, _ = layout
        if w == 1:
            raise InputError(
                f'a grid of {h}x1 is a single diagonal, of which the same '
                'tokens would always be hidden; use wider images, or '
                "type='RandomMasking' or 'SequentialMasking'"
            )
        hidden = self.ratio.hidden(h * w)
        if self.offset is None:
            offset = torch.randint(w, (batch, 1), device=device)
        elif self.offset in range(w):
            offset = torch.full((batch, 1), self.offset, device=device)
        else:
            raise InputError(
                f'a band cannot start in column {self.offset} of a grid of '
                f'{h}x{w}; offset must be in [0, {w - 1}]'
            )
        place = torch.arange(h * w, device=device)
        row, column = place // w, place % w
        diagonal = (column - row - offset) % w  # (B, L)
        # Number all tokens: diagonal after diagonal, each from the top.
        return hide(diagonal * h + row < hidden, hidden)

    def extra_repr(self) -> str:
        """The settings."""
        return f'ratio={self.ratio}, offset={self.offset}'
