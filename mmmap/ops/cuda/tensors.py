"""Tensors as the kernels take them: channels next to each other, in pairs.

Letters: B batch, D channels, L tokens, G groups of channels.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def token_rows(x: Tensor, groups: int, dtype: torch.dtype) -> Tensor:
    """x (B, D, L) as rows of channels, each group with an even number.

    A copy only where the channels of a token do not lie next to each other,
    where pairs of them cannot be read at once, where an image spans 2^31
    elements, or where a zero is added to make the number of channels even.

    Args:
        x: (B, D, L) in any layout.
        groups: G, a divisor of D.
        dtype: Of the rows.
    """
    x = x.to(dtype)
    pairs = x.data_ptr() % (2 * x.element_size()) == 0 and all(
        size == 1 or stride % 2 == 0
        for size, stride in zip(x.shape[::2], x.stride()[::2], strict=True)
    )
    near = x.stride(2) * x.shape[2] < 2**31
    even = x.shape[1] // groups % 2 == 0
    if even and near and pairs and x.stride(1) == 1:
        return x
    return even_channels(x.mT, groups, dim=2).contiguous().mT


def even_channels(x: Tensor, groups: int, dim: int = 0) -> Tensor:
    """x with a zero after each group of channels that is odd."""
    if x.shape[dim] // groups % 2 == 0:
        return x
    x = x.unflatten(dim, (groups, -1)).movedim(dim + 1, -1)
    return F.pad(x, (0, 1)).movedim(-1, dim + 1).flatten(dim, dim + 1)


def without_padding(x: Tensor, groups: int, channels: int) -> Tensor:
    """x (..., D, L or N) again with ``channels`` channels."""
    if x.shape[-2] == channels:
        return x
    parts = x.unflatten(-2, (groups, -1))[..., : channels // groups, :]
    return parts.flatten(-3, -2)
