"""What every masking returns.

Letters: B batch, L tokens of the whole grid, V visible tokens, C channels.
"""

from typing import NamedTuple

from torch import Tensor


class Masked(NamedTuple):
    """The outcome of a masking.

    Args:
        keep: Places of the visible tokens in raster order, (B, V), ascending.
        mask: (B, L) bool, True where a token is hidden and to be guessed.
    """

    keep: Tensor
    mask: Tensor

    def gather(self, tokens: Tensor) -> Tensor:
        """The visible tokens, (B, L, C) -> (B, V, C)."""
        return gather_tokens(tokens, self.keep)

    def restore(self, visible: Tensor, filler: Tensor) -> Tensor:
        """Visible tokens back at their places, ``filler`` at the others.

        Args:
            visible: (B, V, C).
            filler: Broadcasts to (B, L, C), as a mask token (1, 1, C).

        Returns:
            (B, L, C).
        """
        index = self.keep.unsqueeze(-1).expand(-1, -1, visible.shape[-1])
        full = filler.to(visible.dtype).expand(
            *self.mask.shape, visible.shape[-1]
        )
        return full.scatter(1, index, visible)


def gather_tokens(tokens: Tensor, keep: Tensor) -> Tensor:
    """Pick tokens (B, L, C) at places (B, V) -> (B, V, C)."""
    index = keep.unsqueeze(-1).expand(-1, -1, tokens.shape[-1])
    return tokens.gather(1, index)


def hide(mask: Tensor, hidden: int | None = None) -> Masked:
    """The outcome that hides the True places of a mask (B, L).

    Args:
        mask: True where a token is hidden.
        hidden: How many each image hides, where that is certain; a GPU is
            not waited for then. By default they are counted.

    Raises:
        ValueError: The images hide unequally many tokens, none or all.
    """
    length = mask.shape[1]
    if hidden is None:
        hidden = _counted(mask)
    # Visible places first, each kind in raster order.
    order = mask.byte().argsort(dim=1, stable=True)
    return Masked(keep=order[:, : length - hidden], mask=mask)


def _counted(mask: Tensor) -> int:
    length = mask.shape[1]
    counts = set(mask.sum(1).tolist())
    if len(counts) > 1 or counts & {0, length}:
        raise ValueError(
            f'{sorted(counts)} of {length} tokens are hidden in the images of '
            'a batch; every image must hide the same number, at least one, '
            'and leave at least one visible'
        )
    return counts.pop() if counts else 0
