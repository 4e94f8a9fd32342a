"""A small scan in both directions, to check a backend.

See ``mmmap/ops/proof.py``. It has more channels than a kernel's block and more
steps than a chunk, and not a multiple of them.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .interface import ScanInputs

BATCH, CHANNELS, LENGTH = 2, 96, 70


def problem(
    device: torch.device, dtype: torch.dtype = torch.float32, state: int = 16
) -> dict[str, Tensor]:
    """Arguments of both directions by name, in the layout of mixers."""
    generator = torch.Generator().manual_seed(0)
    wide = torch.promote_types(dtype, torch.float32)

    def normal(*shape):
        return torch.randn(shape, generator=generator)

    def leaf(x, dtype):
        return x.to(device, dtype).requires_grad_()

    def tokens(size):
        return leaf(normal(BATCH, LENGTH, size), dtype)

    tensors = {}
    for side in ('forward', 'backward'):
        rates = -torch.exp(normal(CHANNELS, state))
        tensors |= {
            f'u {side}': tokens(CHANNELS),
            f'delta {side}': tokens(CHANNELS),
            f'A {side}': leaf(rates, wide),
            f'B {side}': tokens(state),
            f'C {side}': tokens(state),
            f'D {side}': leaf(normal(CHANNELS), wide),
            f'delta_bias {side}': leaf(normal(CHANNELS) - 1, wide),
        }
    return tensors | {'z': tokens(CHANNELS)}


def solve(apply: Callable, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The output, and the last states without gradients.

    Not every backend returns the states of two directions.
    """
    *sides, z = tensors.values()
    directions = tuple(
        _inputs(*sides[7 * i : 7 * i + 7], reverse=bool(i)) for i in (0, 1)
    )
    y, states = apply(directions, z.mT, True)
    return dict(
        y=y,
        **{
            f'the last state {side}': state.detach()
            for side, state in zip(('forward', 'backward'), states)
        },
    )


def _inputs(u, delta, A, B, C, D, delta_bias, reverse) -> ScanInputs:
    B, C = (x.mT.unsqueeze(1) for x in (B, C))
    return ScanInputs(u.mT, delta.mT, A, B, C, D, delta_bias, reverse)
