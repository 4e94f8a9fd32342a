"""Masking of bands along the diagonal."""

import torch
from torch import nn

from ...errors import InputError
from .base import Masked, hide
from .ratio import MaskRatio


class DiagonalMasking(nn.Module):
    """Hide a band of neighbouring diagonals, wrapped around the grid.

    Diagonals run down and to the right, one column a row, whatever the grid's
    proportions. One that leaves the grid at the right enters it again at the
    left, so each of the w has h tokens, one a row, and a band may show as
    several stripes. The band begins at the diagonal through the first row's
    column ``offset`` and grows to the right; of its last diagonal so many
    tokens are hidden, from above, that the count is exact. Thus the rows of a
    grid hide equally many tokens, but for one more or less. A grid of one
    column is a single diagonal and has no band.

    Args:
        ratio: See ``MaskRatio``.
        offset: Column of the band's first token in the first row; None draws
            one for each image.
    """

    def __init__(
        self,
        ratio: float | dict[str, float] = 0.5,
        offset: int | None = None,
    ) -> None:
        super().__init__()
        self.ratio = MaskRatio(ratio)
        self.offset = offset

    def forward(
        self, batch: int, grid: tuple[int, int], device: torch.device
    ) -> Masked:
        """Mask a batch of token grids.

        Raises:
            InputError: ``offset`` is not a column of the grid, or there is
                only one.
        """
        h, w = grid
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
        # Numbers all tokens: diagonal after diagonal, each from above.
        return hide(diagonal * h + row < hidden, hidden)

    def extra_repr(self) -> str:
        """The settings."""
        return f'ratio={self.ratio}, offset={self.offset}'
