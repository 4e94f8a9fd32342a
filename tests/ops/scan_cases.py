"""Inputs of the selective scan for its tests."""

from importlib.util import find_spec

import pytest
import torch

SEQUENCES = ('u', 'delta', 'B', 'C', 'z')
CPP = pytest.param(
    'cpp',
    marks=pytest.mark.skipif(
        find_spec('mmmap._C') is None, reason='mmmap._C is not built'
    ),
)
FAST = ['torch', CPP]
OPTIONAL = ('D', 'z', 'delta_bias')


def make_scan(
    batch=2, channels=4, length=9, state=3, groups=None, dtype=None, seed=0
):
    """Arguments of ``selective_scan`` by name, all of them requiring grad.

    ``groups=None`` gives B and C of three dimensions.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    middle = (state,) if groups is None else (groups, state)
    values = dict(
        u=normal(batch, channels, length),
        delta=normal(batch, channels, length) * 0.5,
        A=-torch.exp(normal(channels, state) * 0.5),
        B=normal(batch, *middle, length),
        C=normal(batch, *middle, length),
        D=normal(channels),
        z=normal(batch, channels, length),
        delta_bias=normal(channels) * 0.5,
    )
    dtype = dtype or torch.float32
    return {k: v.to(dtype).requires_grad_() for k, v in values.items()}


def without(inputs, *names):
    """The inputs with some optional ones absent."""
    return {k: None if k in names else v for k, v in inputs.items()}


def gradients(outputs, inputs, seed=1):
    """Gradients of a random projection of the outputs, by name."""
    generator = torch.Generator().manual_seed(seed)
    loss = sum(
        (
            out
            * torch.randn(
                out.shape, generator=generator, dtype=torch.float64
            ).to(out.dtype)
        ).sum()
        for out in outputs
    )
    learned = {
        k: v for k, v in inputs.items() if v is not None and v.requires_grad
    }
    return dict(zip(learned, torch.autograd.grad(loss, learned.values())))
