"""The CUDA kernel of Dao-AILab's package causal-conv1d."""

import causal_conv1d_cuda  # noqa: F401 (the package may lack it)
import torch
from causal_conv1d import causal_conv1d_fn
from torch import Tensor


def refuses(dtype: torch.dtype, width: int) -> str | None:
    """Why a convolution is not supported; see ``mmmap/ops/backend.py``."""
    if dtype == torch.float64:
        return 'its kernel has no fp64'
    if width not in (2, 3, 4):
        return f'its kernel takes widths of 2 to 4, got {width}'
    return None


def apply(
    x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, reverse: bool
) -> Tensor:
    """(B, D, L) -> (B, D, L), with zeros before the first token."""
    x = x.flip(-1) if reverse else x
    y = causal_conv1d_fn(
        x,
        weight,
        bias,
        activation='silu' if silu else None,
    )
    return y.flip(-1) if reverse else y
