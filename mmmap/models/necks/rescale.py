"""Modules that rescale a feature map to another stride."""

from torch import nn

from ...errors import InputError
from ..layers import LayerNorm2d


def rescale(dims: int, scale: float, halve: bool) -> tuple[nn.Module, int]:
    """Return a module that rescales a map, and its output channels.

    It enlarges by transposed convolutions and shrinks by max pooling.

    Args:
        dims: Channels in.
        scale: 4, 2, 1 or 1/2.
        halve: Whether each doubling of the size halves the channels.

    Raises:
        InputError: Another scale.
    """
    once, twice = (dims // 2, dims // 4) if halve else (dims, dims)
    if scale == 4:
        layers = nn.Sequential(
            nn.ConvTranspose2d(dims, once, 2, 2),
            LayerNorm2d(once),
            nn.GELU(),
            nn.ConvTranspose2d(once, twice, 2, 2),
        )
        return layers, twice
    if scale == 2:
        return nn.ConvTranspose2d(dims, once, 2, 2), once
    if scale == 1:
        return nn.Identity(), dims
    if scale == 0.5:
        return nn.MaxPool2d(2, 2, ceil_mode=True), dims
    raise InputError(
        f'a feature map can be rescaled by 4, 2, 1 or 1/2, got {scale}'
    )


def scales_of(stride: int, out_strides: tuple[int, ...]) -> list[float]:
    """Return the factors from one stride to others.

    Raises:
        InputError: A factor that ``rescale`` does not support.
    """
    scales = [stride / out for out in out_strides]
    unserved = [
        out
        for out, scale in zip(out_strides, scales, strict=True)
        if scale not in (4, 2, 1, 0.5)
    ]
    if unserved:
        raise InputError(
            f'from stride {stride} the strides {stride // 4}, {stride // 2}, '
            f'{stride} and {stride * 2} can be made, got {unserved}'
        )
    return scales
