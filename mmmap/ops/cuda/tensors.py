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
    if x.dtype != dtype:
        x = x.to(dtype)
    batch, channels, length = x.shape
    image, channel, token = x.stride()
    fits = (
        channel == 1
        and channels // groups % 2 == 0
        and (token % 2 == 0 or length == 1)
        and (image % 2 == 0 or batch == 1)
        and token * length < 2**31
        and x.data_ptr() % (2 * x.itemsize) == 0
    )
    if fits:
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


def fp32_parameters(x: Tensor, groups: int) -> Tensor:
    """Parameters of channels (D, ...), contiguous, padded as sequences."""
    return even_channels(x.float(), groups).contiguous()


def rows_again(x: Tensor, groups: int, channels: int) -> Tensor:
    """x (B, D, L), channels last, with ``channels`` channels again."""
    if x.shape[1] == channels:
        return x
    return without_padding(x, groups, channels).mT.contiguous().mT
