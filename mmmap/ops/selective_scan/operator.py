"""A kernel as a torch operator with gradients.

Letters: B batch, D channels, L tokens, N state size, T steps of a chunk,
G groups of channels.

A kernel computes two functions, for one direction or two:

- ``forward(u, delta, A, B, C, D, delta_bias, z, groups, reverse, softplus,
  save) -> y, starts, last``: the gated sum of the outputs (B, D, L); the state
  before each chunk, (directions, B, L / T, D, N), empty without ``save``; the
  last states (directions, B, D, N).
- ``backward(dy, dlast, starts, ...) -> gradients`` of all tensors in the order
  of the arguments.

The arguments are lists with an item for each direction: u, delta (B, D, L),
A (D, N), B, C (B, G*N, L), D, delta_bias (D,); the last two may be empty.
Results have the dtype of the state, gradients that of their arguments.
Operators are opaque to ``torch.compile``, which uses the fakes below.
"""

import functools
import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from ..first_order import LIBRARY, define_with_gradient, refuse_forward_mode
from .common import state_dtype
from .interface import ScanInputs

# T: steps between the stored states, as in csrc/kernels.h.
CHUNK = 64

_LISTS = (
    'Tensor[] u, Tensor[] delta, Tensor[] A, Tensor[] B, Tensor[] C, '
    'Tensor[] D, Tensor[] delta_bias, Tensor? z, '
    'int groups, int[] reverse, bool softplus'
)
# What users call, and the backend for other derivatives.
_FUNCTION = 'selective_scan', 'reference'


def define(
    kernel: str,
    fake_forward: Callable,
    fake_backward: Callable,
    saved: tuple[str, ...] = (),
) -> Callable:
    """Define ``mmmap::scan_forward_<kernel>`` and its backward.

    Args:
        kernel: Name of the backend.
        fake_forward: Shapes, dtypes and strides of the forward's results.
        fake_backward: Those of the gradients.
        saved: Names of further tensors, returned by the forward after the
            last states and passed to the backward after ``starts``.

    Returns:
        The backend's ``apply``; ``implement`` registers the kernels.
    """
    more = ''.join(f', Tensor {name}' for name in saved)
    schemas = (
        f'scan_forward_{kernel}({_LISTS}, bool save) '
        f'-> (Tensor y, Tensor starts, Tensor last{more})',
        f'scan_backward_{kernel}'
        f'(Tensor dy, Tensor dlast, Tensor starts{more}, {_LISTS}) '
        '-> Tensor[]',
    )
    forward, backward = define_with_gradient(
        (schemas[0], fake_forward),
        (schemas[1], fake_backward),
        _keep,
        _differentiate,
        *_FUNCTION,
    )
    register_flop_formula(forward)(scan_flops)
    register_flop_formula(backward)(
        lambda dy, dlast, starts, *shapes, **_: (
            2 * scan_flops(*shapes[len(saved) :])
        )
    )

    def apply(directions, z, delta_softplus):
        return _call(forward, backward, directions, z, delta_softplus)

    return apply


def implement(kernel: str, forward: Callable, backward: Callable, key: str):
    """Register two Python functions as the operators on a dispatch key."""
    LIBRARY.impl(f'scan_forward_{kernel}', forward, key)
    LIBRARY.impl(f'scan_backward_{kernel}', backward, key)


def scan_flops(u: list, delta: list, A: list, *_, **__) -> int:
    """9 B L D N per direction, from shapes of u (B, D, L) and A (D, N).

    The count is that of mamba#110; gradients count twice as much, without
    recomputation.
    """
    return sum(
        9 * math.prod(sequence) * rates[1]
        for sequence, rates in zip(u, A, strict=True)
    )


def _call(
    forward: Callable,
    backward: Callable,
    directions: tuple[ScanInputs, ...],
    z: Tensor | None,
    softplus: bool,
) -> tuple[Tensor, list[Tensor]]:
    u, delta, A, B, C, D, delta_bias, reverse = zip(*directions, strict=True)
    lists = [
        u,
        delta,
        A,
        [x.flatten(1, 2) for x in B],
        [x.flatten(1, 2) for x in C],
        [] if D[0] is None else D,
        [] if delta_bias[0] is None else delta_bias,
    ]
    tensors = [*itertools.chain(*lists), *([] if z is None else [z])]
    refuse_forward_mode(*_FUNCTION, tensors)
    save = torch.is_grad_enabled() and any(x.requires_grad for x in tensors)
    settings = B[0].shape[1], reverse, softplus
    # Tracing, which MMEngine's FLOP counter uses, needs the operator.
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
    if save and not traced:
        counts = [len(x) for x in lists]
        y, last = _Eager.apply(forward, backward, counts, settings, *tensors)
    else:
        y, _, last, *_ = forward(*lists, z, *settings, save)
    return y, list(last.unbind(0))


class _Eager(torch.autograd.Function):
    """The registered gradient, with a tenth of its overhead.

    torch's registered gradients flatten and rebuild every list of tensors
    several times per call, which takes longer than a small net's kernels.
    """

    @staticmethod
    def forward(ctx, forward, backward, counts, settings, *tensors):
        gated = len(tensors) > sum(counts)
        z = tensors[-1] if gated else None
        lists = _split(tensors, counts)
        y, starts, last, *more = forward(*lists, z, *settings, True)
        ctx.save_for_backward(starts, *more, *tensors)
        ctx.saved_more, ctx.counts, ctx.gated = len(more), counts, gated
        ctx.backward, ctx.settings, ctx.last = backward, settings, last.shape
        ctx.set_materialize_grads(False)
        return y, last

    @staticmethod
    def backward(ctx, dy, dlast):
        *lists, dz, _, _, _, _ = _differentiate(
            ctx, ctx.backward, dy, None, dlast
        )
        gate = [dz] if ctx.gated else []
        return None, None, None, None, *itertools.chain(*lists), *gate


def fakes(layout: torch.memory_format) -> tuple[Callable, Callable]:
    """Fakes of kernels whose results have the dtype of the state.

    Args:
        layout: Layout of results (B, D, L): ``torch.preserve_format`` for
            that of their arguments, or ``torch.contiguous_format``.
    """
    return (
        functools.partial(_fake_forward, layout),
        functools.partial(_fake_backward, layout),
    )


def _fake_forward(
    layout,
    u,
    delta,
    A,
    B,
    C,
    D,
    delta_bias,
    z,
    groups,
    reverse,
    softplus,
    save,
):
    dtype = state_dtype(u[0], A[0])
    (batch, channels, length), state = u[0].shape, A[0].shape[1]
    chunks = -(-length // CHUNK) if save else 0
    starts = (len(u), batch, chunks, channels, state)
    return (
        torch.empty_like(u[0], dtype=dtype, memory_format=layout),
        u[0].new_empty(starts, dtype=dtype),
        u[0].new_empty((len(u), batch, channels, state), dtype=dtype),
    )


def _fake_backward(layout, dy, dlast, starts, *arguments):
    u, delta, *parameters, z, _, _, _ = arguments
    grads = [torch.empty_like(x, memory_format=layout) for x in (*u, *delta)]
    grads += [x.new_empty(x.shape) for x in itertools.chain(*parameters)]
    gate = [] if z is None else [torch.empty_like(z, memory_format=layout)]
    return grads + gate


def _keep(ctx, inputs, output):
    *lists, z, groups, reverse, softplus, _ = inputs
    _, starts, _, *more = output
    ctx.mark_non_differentiable(starts, *more)
    ctx.saved_more = len(more)
    ctx.counts = [len(tensors) for tensors in lists]
    ctx.gated = z is not None
    ctx.settings = (groups, reverse, softplus)
    gate = [z] if ctx.gated else []
    ctx.save_for_backward(starts, *more, *itertools.chain(*lists), *gate)


def _differentiate(ctx, backward, dy, _, dlast, *__):
    # Only once: under activation checkpointing a second access fails.
    starts, *tensors = ctx.saved_tensors
    more, tensors = tensors[: ctx.saved_more], tensors[ctx.saved_more :]
    z = tensors.pop() if ctx.gated else None
    lists = _split(tensors, ctx.counts)
    if dy is None:
        dy = torch.zeros_like(lists[0][0])
    if dlast is None:
        dlast = starts.new_zeros(ctx.last)
    grads = backward(dy, dlast, starts, *more, *lists, z, *ctx.settings)
    dz = grads.pop() if ctx.gated else None
    return *_split(grads, ctx.counts), dz, None, None, None, None


def _split(tensors: list[Tensor], counts: list[int]) -> list[list[Tensor]]:
    rest = iter(tensors)
    return [list(itertools.islice(rest, count)) for count in counts]
