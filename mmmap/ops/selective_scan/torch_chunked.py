"""The scan in plain torch, for any device, in memory linear in L.

Letters: T steps of a chunk, M = directions * B * G independent sequences,
D channels of each, N state size.

The length is cut into chunks. Within a chunk the decays, inputs and states
have the layout (T, M, N, D), so that each step is one fused multiply-add on
contiguous memory and everything else is one vectorised call per chunk. Forward
stores only the state before each chunk; backward recomputes the rest. Both
hold two (T, M, N, D) buffers and L / T states, never (L, M, N, D).

The loop over chunks is the torch operator ``mmmap::scan_chunks``, so tracing
(``torch.compile``, ``torch.export``) sees one call, not L steps.
"""

import math

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from ..autocast import no_autocast
from ..first_order import LIBRARY, define_with_gradient, refuse_forward_mode
from .common import gated_sum, skip, state_dtype, step_size
from .interface import ScanInputs
from .operator import scan_flops

# Elements of a chunk buffer that still sit in a core's cache.
_CACHE_ELEMENTS = 2**18


def apply(
    directions: tuple[ScanInputs, ...], z: Tensor | None, delta_softplus: bool
) -> tuple[Tensor, list[Tensor]]:
    """Gated sum of the outputs (B, D, L), each last state (B, D, N)."""
    batch, channels, length = directions[0].u.shape
    with no_autocast(directions[0].u.device.type):
        packed = [_pack(inputs, delta_softplus) for inputs in directions]
        u, delta, A, B, C = (
            # Contiguous: derived tensors inherit its layout.
            parts[0].contiguous() if len(parts) == 1 else torch.cat(parts, dim)
            for parts, dim in zip(
                zip(*packed, strict=True), (1, 1, 0, 1, 1), strict=True
            )
        )
        y, state = _scan(u, delta, A, B, C)
        ys = y.view(length, len(directions), batch, channels).unbind(1)
        states = state.transpose(1, 2).reshape(
            len(directions), batch, channels, A.shape[1]
        )
        outputs = [
            skip(_from_time_first(y, inputs.reverse), inputs)
            for y, inputs in zip(ys, directions, strict=True)
        ]
    return gated_sum(outputs, z), list(states.unbind(0))


def _pack(inputs: ScanInputs, softplus: bool) -> tuple[Tensor, ...]:
    """One direction as independent sequences, time first."""
    dtype = state_dtype(inputs.u, inputs.A)
    batch, channels, length = inputs.u.shape
    groups, state = inputs.B.shape[1:3]
    delta = step_size(inputs, softplus)
    A = inputs.A.to(dtype).view(groups, channels // groups, state)
    return (
        _time_first(inputs.u.to(dtype), groups, inputs.reverse),
        _time_first(delta, groups, inputs.reverse),
        A.transpose(1, 2).repeat(batch, 1, 1),
        _time_first(inputs.B.to(dtype), groups, inputs.reverse),
        _time_first(inputs.C.to(dtype), groups, inputs.reverse),
    )


def _time_first(x: Tensor, groups: int, reverse: bool) -> Tensor:
    """(B, ..., L) -> (L, M, ...) in the order of the scan."""
    x = x.flip(-1) if reverse else x
    batch, *middle, length = x.shape
    sequences, dims = batch * groups, math.prod(middle) // groups
    return x.movedim(-1, 0).reshape(length, sequences, dims)


def _from_time_first(y: Tensor, reverse: bool) -> Tensor:
    """(L, B, D) -> (B, D, L)."""
    y = y.permute(1, 2, 0)
    return y.flip(-1) if reverse else y


def chunk_length(length: int, step_elements: int) -> int:
    """Choose T, the steps of a chunk, for a state of this many elements.

    Backward holds T + L / T states, so T near sqrt(L) needs the least memory;
    a shorter chunk that fits into the cache is faster.
    """
    least_memory = math.isqrt(length - 1) + 1
    fits_cache = max(_CACHE_ELEMENTS // max(step_elements, 1), 4)
    return min(length, max(min(2 * least_memory, fits_cache), 1))


_INPUTS = 'Tensor u, Tensor delta, Tensor A, Tensor B, Tensor C'
_SCHEMA = (
    f'scan_chunks({_INPUTS}, bool save) '
    '-> (Tensor y, Tensor starts, Tensor last)'
)
_BACKWARD_SCHEMA = (
    f'scan_chunks_backward(Tensor dy, Tensor dlast, Tensor starts, {_INPUTS}) '
    '-> Tensor[]'
)


def _scan(*inputs: Tensor) -> tuple[Tensor, Tensor]:
    """u, delta (L, M, D), A (M, N, D), B, C (L, M, N) -> y (L, M, D), h."""
    refuse_forward_mode('selective_scan', 'reference', inputs)
    save = torch.is_grad_enabled() and any(x.requires_grad for x in inputs)
    y, _, last = torch.ops.mmmap.scan_chunks(*inputs, save)
    return y, last


def _forward(u, delta, A, B, C, save):
    """y, the state before each chunk (empty without ``save``), the last."""
    T = chunk_length(u.shape[0], A.numel())
    y = u.new_empty(u.shape)
    chunks = _chunks(u.shape[0], T)
    # One tensor: many small ones between the chunks' buffers would fragment
    # the heap.
    starts = A.new_zeros(len(chunks) if save else 0, *A.shape)
    h = A.new_zeros(A.shape)
    for index, chunk in enumerate(chunks):
        if save:
            starts[index] = h
        decay = torch.exp(delta[chunk].unsqueeze(2) * A)
        x = delta[chunk] * u[chunk]
        states = _states(decay, x, B[chunk], h)
        torch.matmul(C[chunk].unsqueeze(2), states, out=y[chunk].unsqueeze(2))
        h = states[-1].clone()
    return y, starts, h


def _backward(dy, dlast, starts, *inputs):
    """Gradients of u, delta, A, B, C."""
    u, delta, A, B, C = inputs
    du, ddelta, dA, dB, dC = (x.new_empty(x.shape) for x in inputs)
    dA.zero_()
    # Gradient of the state after the chunk, from all later steps.
    carry = dlast.clone()
    chunks = _chunks(u.shape[0], chunk_length(u.shape[0], A.numel()))
    for index, chunk in reversed([*enumerate(chunks)]):
        _backward_chunk(
            (u[chunk], delta[chunk], A, B[chunk], C[chunk]),
            starts[index],
            dy[chunk],
            carry,
            (du[chunk], ddelta[chunk], dA, dB[chunk], dC[chunk]),
        )
    return [du, ddelta, dA, dB, dC]


def _fake_forward(u, delta, A, B, C, save):
    T = chunk_length(u.shape[0], A.numel()) if save else 1
    chunks = -(-u.shape[0] // T) if save else 0
    starts = A.new_empty(chunks, *A.shape)
    return u.new_empty(u.shape), starts, A.new_empty(A.shape)


def _fake_backward(dy, dlast, starts, *inputs):
    return [x.new_empty(x.shape) for x in inputs]


def _keep(ctx, inputs, output):
    *tensors, _ = inputs
    _, starts, _ = output
    ctx.mark_non_differentiable(starts)
    ctx.save_for_backward(starts, *tensors)


def _differentiate(ctx, backward, dy, _, dlast):
    with no_autocast(dy.device.type):
        return *backward(dy, dlast, *ctx.saved_tensors), None


define_with_gradient(
    (_SCHEMA, _fake_forward),
    (_BACKWARD_SCHEMA, _fake_backward),
    _keep,
    _differentiate,
    'selective_scan',
    'reference',
)
LIBRARY.impl('scan_chunks', _forward, 'CompositeExplicitAutograd')
LIBRARY.impl('scan_chunks_backward', _backward, 'CompositeExplicitAutograd')


def _flops(u, delta, A, *_, **__) -> int:
    """The FLOPs of other kernels, from (L, M, D) and (M, N, D)."""
    return scan_flops([u], [delta], [A])


register_flop_formula(torch.ops.mmmap.scan_chunks)(_flops)
register_flop_formula(torch.ops.mmmap.scan_chunks_backward)(
    lambda dy, dlast, starts, *shapes, **_: 2 * _flops(*shapes)
)


def _chunks(length: int, size: int) -> list[slice]:
    return [
        slice(begin, min(begin + size, length))
        for begin in range(0, length, size)
    ]


def _states(decay: Tensor, x: Tensor, B: Tensor, h: Tensor) -> Tensor:
    """States after each step, (T, M, N, D), from the one before the first."""
    states = B.unsqueeze(3) * x.unsqueeze(2)
    for state, factor in zip(states.unbind(0), decay.unbind(0), strict=True):
        h = state.addcmul_(factor, h)
    return states


def _backward_chunk(inputs, start, dy, carry, grads) -> None:
    """Fill the gradients of one chunk; ``carry`` and dA are updated.

    With g[t] the gradient of the state h[t]:
        g[t] = C[t] dy[t] + decay[t + 1] g[t + 1]
        d(delta A)[t] = g[t] h[t - 1] decay[t]
    """
    u, delta, A, B, C = inputs
    du, ddelta, dA, dB, dC = grads
    decay = torch.exp(delta.unsqueeze(2) * A)
    x = delta * u
    states = _states(decay, x, B, start)
    torch.matmul(states, dy.unsqueeze(3), out=dC.unsqueeze(3))

    g = C.unsqueeze(3) * dy.unsqueeze(2)
    later = g[-1].add_(carry)
    for grad, factor in zip(
        reversed(g[:-1].unbind(0)), reversed(decay[1:].unbind(0)), strict=True
    ):
        later = grad.addcmul_(factor, later)
    torch.mul(later, decay[0], out=carry)

    torch.matmul(g, x.unsqueeze(3), out=dB.unsqueeze(3))
    dx = torch.matmul(B.unsqueeze(2), g).squeeze(2)

    # d(delta A), in place: g * decay * (state before the step).
    exponent = g.mul_(decay)
    exponent[0] *= start
    exponent[1:] *= states[:-1]
    torch.mul(exponent, A, out=states)
    torch.addcmul(states.sum(2), dx, u, out=ddelta)
    torch.mul(dx, delta, out=du)
    dA += exponent.mul_(delta.unsqueeze(2)).sum(0)
