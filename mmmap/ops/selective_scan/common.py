"""Shared by the torch backends of the selective scan."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .interface import ScanInputs


def state_dtype(u: Tensor, A: Tensor) -> torch.dtype:
    """fp32, or fp64 if one of them is fp64."""
    wide = torch.float64 in (u.dtype, A.dtype)
    return torch.float64 if wide else torch.float32


def step_size(inputs: ScanInputs, softplus: bool) -> Tensor:
    """delta with its bias and softplus, (B, D, L), in the state's dtype."""
    delta = inputs.delta.to(state_dtype(inputs.u, inputs.A))
    if inputs.delta_bias is not None:
        delta = delta + inputs.delta_bias.to(delta.dtype)[:, None]
    return F.softplus(delta) if softplus else delta


def gated_sum(ys: Sequence[Tensor], z: Tensor | None) -> Tensor:
    """The sum of the directions' outputs, times silu(z), (B, D, L)."""
    y = ys[0] + ys[1] if len(ys) == 2 else ys[0]
    return y if z is None else y * F.silu(z.to(y.dtype))


def skip(y: Tensor, inputs: ScanInputs) -> Tensor:
    """y + D * u, (B, D, L)."""
    if inputs.D is None:
        return y
    return torch.addcmul(
        y, inputs.D.to(y.dtype)[:, None], inputs.u.to(y.dtype)
    )
