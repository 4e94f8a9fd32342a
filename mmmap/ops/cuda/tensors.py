"""Tensors as the kernels take them: channels next to each other, in pairs.

Letters: B batch, D channels, L tokens, G groups of channels.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def shared_bytes(device: torch.device) -> int:
    """Shared memory that a block may have on a device, as an H100 elsewhere.

    99 KB on RTX cards, 163 on an A100, 227 on an H100, 64 before them.
    """
    if device.type != 'cuda':
        return 227 * 1024
    # In torch's properties since 2.3.
    properties = torch.cuda.get_device_properties(device)
    return properties.shared_memory_per_block_optin


def token_rows(x: Tensor, groups: int, dtype: torch.dtype) -> Tensor:
    """x (B, D, L) as rows of channels, each group with an even number.

    A copy only where the channels of a token do not lie next to each other,
    where pairs of them cannot be read at once, where an image spans 2^31
    elements of memory, or where a zero makes the number of channels even.

    Args:
        x: (B, D, L) in any layout.
        groups: G, a divisor of D.
        dtype: Of the rows.

    Raises:
        ValueError: An image has 2^31 elements or more.
    """
    if x.dtype != dtype:
        x = x.to(dtype)
    batch, channels, length = x.shape
    if (channels + groups) * length >= 2**31:
        raise ValueError(
            'backend cuda takes images of fewer than 2^31 elements, got '
            f'{channels} channels of {length} tokens; select another backend'
        )
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
