"""The scan in C++ for CPU tensors: all of it in one call.

Letters: B batch, D channels, L tokens, N state size, T steps of a chunk.

Softplus, both directions, skip and gate are done together, eight channels at
a time and on all cores. What is kept for the backward are the inputs and one
state in 64 steps, L / T states; the rest is computed again. The source is in
``mmmap/ops/csrc``; it is built with the package where there is a compiler.
"""

import importlib.util
import itertools

import torch
from torch import Tensor

from .interface import ScanInputs

_spec = importlib.util.find_spec('mmmap._C')
if _spec is None:
    raise ImportError('the extension mmmap._C is not built')
try:
    torch.ops.load_library(_spec.origin)
except OSError as error:
    raise ImportError(
        f'the extension mmmap._C does not load (built for another torch?): '
        f'{error}'
    ) from error

_op = torch.ops.mmmap
# Steps between the states that are kept, as in csrc/scan.h.
CHUNK = 64


@torch.library.register_fake('mmmap::scan_forward')
def _(u, delta, A, B, C, D, delta_bias, z, groups, reverse, softplus, save):
    dtype = _state_dtype(u, A)
    (batch, channels, length), state = u[0].shape, A[0].shape[1]
    chunks = -(-length // CHUNK) if save else 0
    starts = (len(u), batch, chunks, channels, state)
    return (
        u[0].new_empty(u[0].shape, dtype=dtype),
        u[0].new_empty(starts, dtype=dtype),
        u[0].new_empty((len(u), batch, channels, state), dtype=dtype),
    )


@torch.library.register_fake('mmmap::scan_backward')
def _(dy, dlast, starts, u, delta, A, B, C, D, delta_bias, z, *settings):
    tensors = [*u, *delta, *A, *B, *C, *D, *delta_bias]
    tensors += [] if z is None else [z]
    return [x.new_empty(x.shape) for x in tensors]


def _keep(ctx, inputs, output):
    *lists, z, groups, reverse, softplus, save = inputs
    _, starts, last = output
    ctx.mark_non_differentiable(starts)
    ctx.counts = [len(tensors) for tensors in lists]
    ctx.gated = z is not None
    ctx.settings = (groups, reverse, softplus)
    tensors = [x for tensors in lists for x in tensors]
    ctx.save_for_backward(starts, *tensors, *([z] if ctx.gated else []))


def _differentiate(ctx, dy, _, dlast):
    starts, *tensors = ctx.saved_tensors
    z = tensors.pop() if ctx.gated else None
    grads = _op.scan_backward(
        dy, dlast, starts, *_split(tensors, ctx.counts), z, *ctx.settings
    )
    dz = grads.pop() if ctx.gated else None
    return *_split(grads, ctx.counts), dz, None, None, None, None


def _split(tensors: list[Tensor], counts: list[int]) -> list[list[Tensor]]:
    rest = iter(tensors)
    return [list(itertools.islice(rest, count)) for count in counts]


torch.library.register_autograd(
    'mmmap::scan_forward', _differentiate, setup_context=_keep
)


def _once(ctx, *grads):
    raise RuntimeError('the selective scan can be differentiated only once')


torch.library.register_autograd('mmmap::scan_backward', _once)


def _state_dtype(u: list[Tensor], A: list[Tensor]) -> torch.dtype:
    wide = torch.float64 in (u[0].dtype, A[0].dtype)
    return torch.float64 if wide else torch.float32


def apply(
    directions: tuple[ScanInputs, ...], z: Tensor | None, delta_softplus: bool
) -> tuple[Tensor, list[Tensor]]:
    """Gated sum of the outputs (B, D, L), each last state (B, D, N)."""
    u, delta, A, B, C, D, delta_bias, reverse = zip(*directions, strict=True)
    sequences = [x for x in (*u, *delta, *A, *B, *C, *D, *delta_bias, z)
                 if x is not None]  # fmt: skip
    y, _, last = _op.scan_forward(
        u,
        delta,
        A,
        [x.flatten(1, 2) for x in B],
        [x.flatten(1, 2) for x in C],
        [] if D[0] is None else D,
        [] if delta_bias[0] is None else delta_bias,
        z,
        B[0].shape[1],
        reverse,
        delta_softplus,
        torch.is_grad_enabled() and any(x.requires_grad for x in sequences),
    )
    return y, list(last.unbind(0))
