"""The CUDA kernel of the package causal-conv1d behind our signature."""

import causal_conv1d_cuda  # noqa: F401 (the package may lack it)
from causal_conv1d import causal_conv1d_fn
from torch import Tensor


def apply(
    x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, reverse: bool
) -> Tensor:
    """(B, D, L) -> (B, D, L), with zeros before the first token."""
    x = x.flip(-1) if reverse else x
    y = causal_conv1d_fn(
        x,
        weight.to(x.dtype),
        None if bias is None else bias.to(x.dtype),
        activation='silu' if silu else None,
    )
    return y.flip(-1) if reverse else y
