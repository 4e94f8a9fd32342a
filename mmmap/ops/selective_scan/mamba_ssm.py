"""mamba-ssm's CUDA kernel behind our signature."""

import selective_scan_cuda  # noqa: F401 (the package may lack it)
import torch
from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
from torch import Tensor

from .common import gated_sum
from .interface import ScanInputs


def refuses(dtype: torch.dtype, state: int) -> str | None:
    """Why a scan is not supported, or None; see ``mmmap/ops/backend.py``."""
    if dtype == torch.float64:
        return 'its kernel has no fp64'
    if state > 256:
        return f'its kernel takes a state size up to 256, got {state}'
    return None


def apply(
    directions: tuple[ScanInputs, ...], z: Tensor | None, delta_softplus: bool
) -> tuple[Tensor, list[Tensor]]:
    """Gated sum of the outputs (B, D, L), each last state (B, D, N)."""
    pairs = [_scan(inputs, delta_softplus) for inputs in directions]
    ys, states = zip(*pairs, strict=True)
    return gated_sum(ys, z), list(states)


def _scan(inputs: ScanInputs, softplus: bool) -> tuple[Tensor, Tensor]:
    sequences = (inputs.u, inputs.delta, inputs.B, inputs.C)
    if inputs.reverse:
        sequences = tuple(x.flip(-1) for x in sequences)
    u, delta, B, C = sequences
    # The kernel needs B and C in the dtype of u, the rest in fp32.
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
