"""A small convolution in each direction, to check a backend.

See ``mmmap/ops/proof.py``. It has more channels and steps than a kernel's
tile, and not a multiple of them.
"""

from collections.abc import Callable

import torch
from torch import Tensor

BATCH, CHANNELS, LENGTH = 2, 80, 70


def problem(
    device: torch.device, dtype: torch.dtype = torch.float32, width: int = 4
) -> dict[str, Tensor]:
    """Arguments by name; x has the layout that mixers use."""
    generator = torch.Generator().manual_seed(0)
    wide = torch.promote_types(dtype, torch.float32)

    def normal(*shape, dtype):
        x = torch.randn(shape, generator=generator).to(device, dtype)
        return x.requires_grad_()

    return dict(
        x=normal(BATCH, LENGTH, CHANNELS, dtype=dtype),
        weight=normal(CHANNELS, width, dtype=wide),
        bias=normal(CHANNELS, dtype=wide),
    )


def solve(apply: Callable, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The outputs with SiLU, forward and in reverse."""
    x, weight, bias = tensors.values()
    ys = dict(
        y=apply(x.mT, weight, bias, True, False),
        y_reverse=apply(x.mT, weight, bias, True, True),
    )
    # Backends without a function for both directions repeat the results.
    pair = ys.values()
    if hasattr(apply, 'both'):
        pair = apply.both(x.mT, [weight] * 2, [bias] * 2, True)
    return ys | dict(zip(('both_forward', 'both_reverse'), pair, strict=True))
