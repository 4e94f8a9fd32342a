"""What the torch backends of the selective scan share."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .interface import ScanInputs


def state_dtype(inputs: ScanInputs) -> torch.dtype:
    """fp32, or fp64 where an input is fp64."""
    wide = torch.float64 in (inputs.u.dtype, inputs.A.dtype)
    return torch.float64 if wide else torch.float32


def step_size(inputs: ScanInputs, softplus: bool) -> Tensor:
    """delta with its bias and softplus, (B, D, L), in the state's type."""
    delta = inputs.delta.to(state_dtype(inputs))
    if inputs.delta_bias is not None:
        delta = delta + inputs.delta_bias.to(delta.dtype)[:, None]
    return F.softplus(delta) if softplus else delta


def skip(y: Tensor, inputs: ScanInputs) -> Tensor:
    """y + D * u, (B, D, L)."""
    if inputs.D is None:
        return y
    return torch.addcmul(
        y, inputs.D.to(y.dtype)[:, None], inputs.u.to(y.dtype)
    )
