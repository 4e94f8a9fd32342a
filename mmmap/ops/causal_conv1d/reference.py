"""The definition: a sum over the taps."""

from torch import Tensor


def apply(padded: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(B, D, W - 1 + L) -> (B, D, L)."""
    width = weight.shape[1]
    length = padded.shape[-1] - width + 1
    y = sum(
        padded[..., tap : tap + length] * weight[:, tap, None]
        for tap in range(width)
    )
    return y if bias is None else y + bias[:, None]
