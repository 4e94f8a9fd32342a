"""Inputs of the selective scan for its tests, and how results are compared.

Comparisons are with the reference in fp64 on the same numbers.
"""

from importlib.util import find_spec
from typing import NamedTuple

import pytest
import torch

from mmmap.ops import selective_scan, selective_scan_bidirectional
from mmmap.ops.backend import BACKENDS

SEQUENCES = ('u', 'delta', 'B', 'C', 'z')
OPTIONAL = ('D', 'z', 'delta_bias')
ABSENT = [(), *((name,) for name in OPTIONAL), OPTIONAL]
PAIRS = ('u', 'delta', 'A', 'B', 'C', 'D', 'delta_bias')
CPP = pytest.param(
    'cpp',
    marks=pytest.mark.skipif(
        find_spec('mmmap._C') is None, reason='mmmap._C is not built'
    ),
)
FAST = ['torch', CPP]
DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'


def needs_triton(op):
    """A mark for what runs Triton's kernels: on a GPU or interpreted."""
    backend = next(b for b in BACKENDS[op] if b.name == 'triton')
    reason = backend.why_not(DEVICE)
    return pytest.mark.skipif(reason is not None, reason=str(reason))


class Tolerance(NamedTuple):
    """Largest error, over the largest of the right values."""

    output: float
    gradient: float


# By the type of the sequences. States and sums are fp32, or fp64 for fp64;
# half types have 8 and 11 bits to round a result to (Triton's interpreter cuts
# bf16 off), and a gradient may be a sum of two that were rounded.
TOLERANCES = {
    torch.float64: Tolerance(1e-12, 1e-11),
    torch.float32: Tolerance(1e-5, 3e-5),
    torch.bfloat16: Tolerance(2**-7, 2**-7),
    torch.float16: Tolerance(2**-11, 2**-10),
}


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


def exact(inputs):
    """Numbers that every type of the tests holds without rounding."""
    return {
        k: v.detach().bfloat16().to(v.dtype).requires_grad_()
        for k, v in inputs.items()
    }


def cast(inputs, dtype, device='cpu'):
    """The inputs with sequences of a type, and the others at least fp32."""
    wide = torch.promote_types(dtype, torch.float32)

    def convert(name, x):
        kind = dtype if name.removesuffix('_b') in SEQUENCES else wide
        return x.detach().to(device, kind).requires_grad_(x.requires_grad)

    return {k: v if v is None else convert(k, v) for k, v in inputs.items()}


def gradients(outputs, inputs, seed=1):
    """Gradients of a random projection of the outputs, by name."""
    generator = torch.Generator().manual_seed(seed)
    loss = 0
    for out in outputs:
        weights = torch.randn(out.shape, generator=generator).bfloat16()
        loss = loss + (out * weights.to(out.device, out.dtype)).sum()
    learned = {
        k: v for k, v in inputs.items() if v is not None and v.requires_grad
    }
    return dict(zip(learned, torch.autograd.grad(loss, learned.values())))


def assert_near(value, truth, tolerance, name):
    """The largest error is within the tolerance, relative to the truth."""
    assert value.shape == truth.shape, name
    assert torch.isfinite(value).all(), name
    if truth.numel():
        error = (value.double().cpu() - truth).abs().max()
        largest = truth.abs().max()
        # A subnormal is all that is left of some.
        assert error <= tolerance * largest + 1e-30, (name, error / largest)


def run_scan(inputs, backend, **options):
    """Output, last state and gradients by name."""
    y, state = selective_scan(
        **inputs, **options, return_last_state=True, backend=backend
    )
    return (y, state), gradients([y, state], inputs)


def run_both(inputs, backend, **options):
    """The output of both directions, and gradients by name.

    Args:
        inputs: Those of the backward direction end in ``_b``.
    """
    pairs = {k: (inputs[k], inputs[f'{k}_b']) for k in PAIRS}
    pairs = {k: v for k, v in pairs.items() if v[0] is not None}
    y = selective_scan_bidirectional(
        **pairs, z=inputs['z'], **options, backend=backend
    )
    return (y,), gradients([y], inputs)


def assert_same(result, truth, dtype):
    """Outputs and gradients have the reference's numbers.

    Args:
        result: Of ``run_scan`` or ``run_both``.
        truth: The same of the reference, on fp64.
        dtype: Of the sequences; it gives the tolerances.
    """
    outputs, grads = result
    assert outputs[0].dtype == dtype
    tolerance = TOLERANCES[dtype]
    for index, (value, expected) in enumerate(zip(outputs, truth[0])):
        assert_near(value, expected, tolerance.output, f'output {index}')
    assert grads.keys() == truth[1].keys()
    for name, expected in truth[1].items():
        assert_near(grads[name], expected, tolerance.gradient, name)


def assert_equals_reference(
    inputs, backend, dtype=None, device='cpu', run=run_scan, **options
):
    """What a backend gives equals the reference in fp64; returns it.

    Args:
        dtype: Of the sequences; by default as they are.
    """
    options = {'delta_softplus': True} | options
    dtype = dtype or inputs['u'].dtype
    result = run(cast(inputs, dtype, device), backend, **options)
    wide = cast(cast(inputs, dtype), torch.float64)
    assert_same(result, run(wide, 'reference', **options), dtype)
    return result
