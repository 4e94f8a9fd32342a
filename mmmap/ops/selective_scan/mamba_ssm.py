"""mamba-ssm's CUDA kernel behind our signature."""

import torch
from torch import Tensor

from .interface import ScanInputs


def apply(
    directions: tuple[ScanInputs, ...], delta_softplus: bool
) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs (B, D, L) and last states (B, D, N), one per direction."""
    pairs = [_scan(inputs, delta_softplus) for inputs in directions]
    return [y for y, _ in pairs], [state for _, state in pairs]


def _scan(inputs: ScanInputs, softplus: bool) -> tuple[Tensor, Tensor]:
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    sequences = (inputs.u, inputs.delta, inputs.B, inputs.C)
    if inputs.reverse:
        sequences = tuple(x.flip(-1) for x in sequences)
    u, delta, B, C = sequences
    # The kernel wants B and C in the type of u, the rest in fp32.
    A, D, delta_bias = (
        None if x is None else x.float()
        for x in (inputs.A, inputs.D, inputs.delta_bias)
    )
    with torch.autocast(u.device.type, enabled=False):
        y, state = selective_scan_fn(
            u,
            delta.to(u.dtype),
            A,
            B.to(u.dtype),
            C.to(u.dtype),
            D,
            None,
            delta_bias,
            softplus,
            True,
        )
    return (y.flip(-1) if inputs.reverse else y), state
