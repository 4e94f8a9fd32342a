"""The definition: a sum over the taps."""

from torch import Tensor
from torch.nn import functional as F


def apply(
    x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, reverse: bool
) -> Tensor:
    """(B, D, L) -> (B, D, L), with zeros before the first token."""
    dtype = x.dtype
    x = (x.flip(-1) if reverse else x).to(weight.dtype)
    width, length = weight.shape[1], x.shape[-1]
    padded = F.pad(x, (width - 1, 0))
    y = sum(
        padded[..., tap : tap + length] * weight[:, tap, None]
        for tap in range(width)
    )
    y = y if bias is None else y + bias[:, None]
    y = F.silu(y) if silu else y
    return (y.flip(-1) if reverse else y).to(dtype)
