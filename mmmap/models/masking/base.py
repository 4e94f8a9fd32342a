"""What every masking takes and returns.

Letters: B batch, L tokens of the whole grid, V visible tokens, C channels.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import InputError


class Layout(NamedTuple):
    """Where the tokens of a batch are; backbones return it.

    Attributes:
        grid: Rows and columns; tokens that form no grid are one row.
        batch: B.
        device: Of the tokens.
        centers: Of tokens that are places in space, (B, L, 3).
    """

    grid: tuple[int, int]
    batch: int = 1
    device: torch.device | None = None
    centers: Tensor | None = None

    @property
    def length(self) -> int:
        """L."""
        return self.grid[0] * self.grid[1]


class MaskPlan(NamedTuple):
    """What the encoder sees, what is hidden and what is predicted.

    Attributes:
        ids_keep: Indices of the visible tokens, (B, V), ascending in raster
            order.
        hidden: (B, L) bool, True where the encoder does not see a token.
        predicted: (B, L) bool, True where the loss counts.
    """

    ids_keep: Tensor
    hidden: Tensor
    predicted: Tensor

    def gather(self, tokens: Tensor) -> Tensor:
        """The visible tokens, (B, L, C) -> (B, V, C)."""
        return gather_tokens(tokens, self.ids_keep)

    def restore(self, visible: Tensor, filler: Tensor) -> Tensor:
        """Put visible tokens in their places and ``filler`` elsewhere.

        Args:
            visible: (B, V, C).
            filler: Broadcastable to (B, L, C), such as a mask token.

        Returns:
            (B, L, C).
        """
        index = self.ids_keep.unsqueeze(-1).expand(-1, -1, visible.shape[-1])
        full = filler.to(visible.dtype).expand(
            *self.hidden.shape, visible.shape[-1]
        )
        return full.scatter(1, index, visible)


def gather_tokens(tokens: Tensor, keep: Tensor) -> Tensor:
    """Pick tokens (B, L, C) at indices (B, V) -> (B, V, C)."""
    index = keep.unsqueeze(-1).expand(-1, -1, tokens.shape[-1])
    return tokens.gather(1, index)


def hide(mask: Tensor, count: int | None = None) -> MaskPlan:
    """Hide, and predict, the True places of a mask (B, L).

    Args:
        mask: True where a token is hidden.
        count: The number of hidden tokens in each image, if it is certain.
            By default they are counted, which waits for a GPU.

    Raises:
        InputError: The images hide different numbers of tokens, none or all.
    """
    length = mask.shape[1]
    if count is None:
        count = _counted(mask)
    # Visible places first, each kind in raster order.
    order = mask.byte().argsort(dim=1, stable=True)
    return MaskPlan(order[:, : length - count], hidden=mask, predicted=mask)


def _counted(mask: Tensor) -> int:
    length = mask.shape[1]
    counts = set(mask.sum(1).tolist())
    if len(counts) > 1 or counts & {0, length}:
        raise InputError(
            f'{sorted(counts)} of {length} tokens are hidden in the images of '
            'a batch; every image must hide the same number, at least one, '
            'and leave at least one visible'
        )
    return counts.pop() if counts else 0
