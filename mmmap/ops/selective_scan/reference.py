"""The definition: step by step, differentiated by autograd.

Letters: B batch, D channels, L tokens, N state size.
"""

import torch
from torch import Tensor

from .common import gated_sum, skip, state_dtype, step_size
from .interface import ScanInputs


def apply(
    directions: tuple[ScanInputs, ...], z: Tensor | None, delta_softplus: bool
) -> tuple[Tensor, list[Tensor]]:
    """Gated sum of the outputs (B, D, L), each last state (B, D, N)."""
    pairs = [_scan(inputs, delta_softplus) for inputs in directions]
    ys, states = zip(*pairs, strict=True)
    return gated_sum(ys, z), list(states)


def _scan(inputs: ScanInputs, softplus: bool) -> tuple[Tensor, Tensor]:
    dtype = state_dtype(inputs.u, inputs.A)
    u, A = inputs.u.to(dtype), inputs.A.to(dtype)
    delta = step_size(inputs, softplus)
    per_group = u.shape[1] // inputs.B.shape[1]
    B = inputs.B.to(dtype).repeat_interleave(per_group, dim=1)  # (B, D, N, L)
    C = inputs.C.to(dtype).repeat_interleave(per_group, dim=1)
    steps = range(u.shape[2])
    h = u.new_zeros(*u.shape[:2], A.shape[1])
    ys: dict[int, Tensor] = {}
    for t in reversed(steps) if inputs.reverse else steps:
        decay = torch.exp(delta[:, :, t, None] * A)
        h = decay * h + (delta * u)[:, :, t, None] * B[..., t]
        ys[t] = (h * C[..., t]).sum(-1)
    y = torch.stack([ys[t] for t in steps], dim=-1)
    return skip(y, inputs), h
