"""The scan in CUDA, compiled at first use; nothing to install.

Letters: B batch, G groups, D channels, L tokens, N states.

The kernels read and write (B, D, L) channels last, as projections write them.
Both directions, skip, sum and gate are one launch; sums have a fixed order, so
runs are equal bit by bit.
"""

import ctypes
import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from ..cuda import (
    Launch,
    Pair,
    Pointers,
    Rows,
    even_channels,
    fp32_parameters,
    pair,
    pointers,
    rows,
    rows_again,
    shared_bytes,
    token_rows,
    without_padding,
)
from .cuda_plan import CHUNK, STATES, plan
from .interface import ScanInputs
from .operator import define, implement

LONGEST = 65536


class ScanArgs(ctypes.Structure):
    """``ScanArgs`` of ``scan.cuh``."""

    _fields_ = [
        *((name, Pair) for name in ('u', 'delta', 'B', 'C')),
        *((name, Rows) for name in ('z', 'y', 'ungated', 'dy')),
        *((name, Pair) for name in ('du', 'ddelta')),
        ('dz', Rows),
        *((name, Pair) for name in ('dB', 'dC')),
        *((name, Pointers) for name in ('A', 'skip', 'bias')),
        *(
            (name, ctypes.c_void_p)
            for name in (
                'starts',
                'last',
                'entering',
                'leaving',
                'end',
                'elapsed',
                'dBC',
                'parameters',
            )
        ),
        *(
            (name, ctypes.c_int)
            for name in (
                'images',
                'groups',
                'channels',
                'length',
                'segments',
                'segment',
                'chunks',
                'blocks',
            )
        ),
    ]


def refuses(dtype: torch.dtype, state: int) -> str | None:
    """Why these kernels do not support a problem, or None.

    Args:
        dtype: The dtype of state and sums.
        state: N.
    """
    if dtype == torch.float64:
        return 'it computes in fp32, not in fp64'
    if state > STATES[-1]:
        return f'it has kernels for up to {STATES[-1]} states, got {state}'
    return None


class _Problem:
    """The operator's arguments in the kernels' form."""

    def __init__(self, lists, z, groups, reverse, softplus) -> None:
        u, delta, A, B, C, D, delta_bias = lists
        self.batch, self.width, self.length = u[0].shape
        self.groups, self.count = groups, len(u)
        self.device, self.dtype = u[0].device, u[0].dtype
        _expect_sizes(self.length, self.dtype)
        self.state = A[0].shape[1]
        self.plan = plan(
            self.batch * self.width,
            self.length,
            self.state,
            shared_bytes(self.device),
        )
        extra = self.plan.state - self.state
        as_rows = functools.partial(
            token_rows, groups=groups, dtype=u[0].dtype
        )
        self.u, self.delta = [[as_rows(x) for x in s] for s in (u, delta)]
        self.z = None if z is None else as_rows(z)
        self.B, self.C = [[self._weights(x, extra) for x in s] for s in (B, C)]
        self.A, self.D, self.bias = (
            [fp32_parameters(x, groups) for x in tensors]
            for tensors in (A, D, delta_bias)
        )
        if extra:
            self.A = [F.pad(x, (0, extra)) for x in self.A]
        self.channels = self.u[0].shape[1]
        self.each = self.channels // groups
        self.images = self.batch * groups
        self.chunks = -(-self.length // CHUNK)
        _expect_countable(self.chunks * self.plan.state * self.each)
        self.constants = dict(
            T=self.dtype,
            N=self.plan.state,
            DIRECTIONS=self.count,
            BACK0=reverse[0],
            BACK1=reverse[-1],
            GATED=z is not None,
            SOFTPLUS=softplus,
            S=CHUNK,
        )

    def _weights(self, x: Tensor, extra: int) -> Tensor:
        """B or C (B, G * N, L), channels last, with the template's N."""
        x = x.to(self.dtype)
        if extra:
            x = x.unflatten(1, (self.groups, -1))
            x = F.pad(x, (0, 0, 0, extra)).flatten(1, 2)
        countable = x.stride(2) * self.length < 2**31
        fits = x.stride(1) == 1 and countable
        return x if fits else x.mT.contiguous().mT

    def sequence(self) -> Tensor:
        """Allocate (B, D, L), channels last."""
        return self.u[0].new_empty(self.batch, self.length, self.channels).mT

    def floats(self, *shape: int) -> Tensor:
        """Allocate fp32 numbers for each direction and image."""
        shape = (self.count, self.images, *shape)
        return torch.empty(shape, dtype=torch.float32, device=self.device)

    def arguments(self) -> ScanArgs:
        """The arguments that every kernel reads."""
        args = ScanArgs(
            z=self.rows(self.z),
            images=self.images,
            groups=self.groups,
            channels=self.each,
            length=self.length,
            segments=self.plan.segments,
            segment=self.plan.segment,
            chunks=self.chunks,
        )
        for name in ('u', 'delta'):
            setattr(args, name, self.pair(getattr(self, name)))
        for name in ('B', 'C'):
            weights = getattr(self, name)
            setattr(args, name, self.pair(weights, self.plan.state))
        args.A = pointers(self.A)
        args.skip, args.bias = pointers(self.D), pointers(self.bias)
        return args

    def weights(self) -> Tensor:
        """Allocate (B, G * N, L), channels last."""
        width = self.groups * self.plan.state
        return self.u[0].new_empty(self.batch, self.length, width).mT

    def without_states(self, x: Tensor) -> Tensor:
        """(B, G * N, L) with the caller's N."""
        return rows_again(x, self.groups, self.groups * self.state)

    def result(self, x: Tensor) -> Tensor:
        """(B, D, L) with the caller's D."""
        return rows_again(x, self.groups, self.width)

    def rows(self, x: Tensor | None) -> Rows:
        return rows(x, self.each)

    def pair(self, tensors: list[Tensor], group: int | None = None):
        """Rows of both directions; with only one direction, it is repeated."""
        group = self.each if group is None else group
        return pair(tensors, group)

    def kernel(self, name: str, **constants) -> Launch:
        """A source's kernels for this problem."""
        files = 'common.cuh', 'scan.cuh', f'{name}.cu'
        return Launch.of(files, self.constants | constants, self.device)

    def blocks(self, args: ScanArgs, channels: int) -> int:
        """The grid for blocks of this many channels of every image."""
        args.blocks = -(-self.each // channels)
        return self.images * args.blocks

    def join_segments(self, args: ScanArgs, gradient: bool) -> list[Tensor]:
        """Let ``args`` name what enters each segment; returns its memory."""
        segments, state = self.plan.segments, self.plan.state
        end = self.floats(segments, state, self.each)
        elapsed = self.floats(segments, self.each)
        args.end, args.elapsed = end.data_ptr(), elapsed.data_ptr()
        kernel = self.kernel('scan_segments', GRADIENT=gradient)
        grid = self.blocks(args, 32), segments * self.count
        kernel('scan_segments', grid, 128, 32 * state * 4, args)
        states = self.count * self.images * state * self.each
        kernel('scan_join', (-(-states // 128),), 128, 0, args)
        setattr(args, 'leaving' if gradient else 'entering', end.data_ptr())
        return [end, elapsed]


def _expect_sizes(length: int, dtype: torch.dtype) -> None:
    if length > LONGEST:
        raise ValueError(
            f'selective_scan: backend cuda takes up to {LONGEST} tokens, got '
            f"{length}; use backend='triton'"
        )
    if dtype not in (torch.float32, torch.bfloat16, torch.float16):
        raise ValueError(
            'selective_scan: backend cuda takes fp32, bf16 and fp16, got '
            f'{dtype}'
        )


def _expect_countable(elements: int) -> None:
    if elements >= 2**31:
        raise ValueError(
            'selective_scan: backend cuda keeps fewer than 2^31 states of an '
            f"image, got {elements}; use backend='triton'"
        )


def _forward(*arguments):
    *lists, z, groups, reverse, softplus, save = arguments
    p = _Problem(lists, z, groups, reverse, softplus)
    y = p.sequence()
    ungated = p.sequence() if save and z is not None else None
    starts = p.floats(p.chunks if save else 0, p.plan.state, p.each)
    last = p.floats(p.plan.state, p.each) if p.count == 1 else None
    if p.images:
        args = p.arguments()
        args.y, args.ungated = p.rows(y), p.rows(ungated)
        args.starts = starts.data_ptr() if save else None
        args.last = None if last is None else last.data_ptr()
        # Kept until the kernels are queued; torch reuses memory in order.
        held = p.join_segments(args, False) if p.plan.segments > 1 else []
        run = p.kernel(
            'scan_forward',
            LANES=p.plan.lanes,
            SAVE=save,
            MIN_BLOCKS=p.plan.forward_blocks,
        )
        grid = p.blocks(args, p.plan.channels[0]), p.plan.segments
        run('scan_forward', grid, 64, 2 * 32 * p.plan.state * 4, args)
        del held
    ungated = y.new_empty(0) if ungated is None else ungated
    return p.result(y), starts, _states(p, last), ungated


def _states(p: _Problem, last: Tensor | None) -> Tensor:
    """(directions, B, D, N) from (directions, images, N, D / G)."""
    if last is None:
        shape = (0, p.batch, p.width, p.state)
        return torch.empty(shape, dtype=torch.float32, device=p.device)
    last = last.mT.reshape(1, p.batch, p.channels, p.plan.state)
    last = without_padding(last, p.groups, p.width)
    return last[..., : p.state].contiguous()


def _backward(dy, dlast, starts, ungated, *arguments):
    *lists, z, groups, reverse, softplus = arguments
    p = _Problem(lists, z, groups, reverse, softplus)
    du, ddelta = ([p.sequence() for _ in p.u] for _ in range(2))
    dB, dC = ([p.weights() for _ in p.u] for _ in range(2))
    dz = None if z is None else p.sequence()
    segments, state, each = p.plan.segments, p.plan.state, p.each
    parameters = p.floats(segments, state + 2, each)
    if p.images:
        args = p.arguments()
        dy = token_rows(dy, groups, p.dtype)
        args.dy, args.dz = p.rows(dy), p.rows(dz)
        args.ungated = p.rows(None if z is None else ungated)
        args.du, args.ddelta = p.pair(du), p.pair(ddelta)
        args.dB, args.dC = p.pair(dB, state), p.pair(dC, state)
        args.starts = starts.data_ptr()
        args.parameters = parameters.data_ptr()
        leaving = _entering_gradient(p, dlast)
        args.leaving = None if leaving is None else leaving.data_ptr()
        held = p.join_segments(args, True) if segments > 1 else []
        blocks = p.blocks(args, p.plan.channels[1])
        dBC = p.floats(args.blocks, p.length, 2 * state)
        args.dBC = dBC.data_ptr()
        run = p.kernel(
            'scan_backward',
            WARPS=p.plan.warps,
            BACKWARD_BYTES=p.plan.backward_bytes,
            MIN_BLOCKS=16 // p.plan.warps,
        )
        grid = blocks, segments * p.count
        threads = 32 * p.plan.warps
        run('scan_backward', grid, threads, p.plan.backward_bytes, args)
        numbers = p.count * p.images * p.length * 2 * state
        run('scan_sum', (-(-numbers // 128),), 128, 0, args)
        del held
    sequences = [p.result(x) for x in du + ddelta]
    du, ddelta = sequences[: p.count], sequences[p.count :]
    dB, dC = ([p.without_states(x) for x in s] for s in (dB, dC))
    grads = [du, ddelta, None, dB, dC, *_of_parameters(p, parameters)]
    grads[2] = grads.pop(5)
    flat = [
        grad.to(x.dtype)
        for made, like in zip(grads, lists, strict=True)
        for grad, x in zip(made, like)
    ]
    return flat if dz is None else [*flat, p.result(dz).to(z.dtype)]


def _entering_gradient(p: _Problem, dlast: Tensor) -> Tensor | None:
    """dlast (1, B, D, N) as (images, N, D / G), or None."""
    if not dlast.numel():
        return None
    dlast = F.pad(dlast[0].float(), (0, p.plan.state - p.state))
    dlast = even_channels(dlast, p.groups, dim=1)
    return dlast.reshape(p.images, p.each, p.plan.state).mT.contiguous()


def _of_parameters(p: _Problem, parts: Tensor) -> list[list[Tensor]]:
    """Gradients of A, D and the bias.

    Args:
        p: The problem.
        parts: (directions, images, segments, N + 2, D / G).
    """
    total = parts.unflatten(1, (p.batch, p.groups)).sum((1, 3))
    total = total.mT.flatten(1, 2)
    total = without_padding(total, p.groups, p.width)
    cuts = (slice(0, p.state), p.plan.state, p.plan.state + 1)
    return [[x[:, cut].contiguous() for x in total] for cut in cuts]


def _fake_forward(
    u, delta, A, B, C, D, delta_bias, z, groups, reverse, softplus, save
):
    (batch, width, length), state = u[0].shape, A[0].shape[1]
    padded = next(n for n in STATES if n >= state)
    each = width // groups + width // groups % 2

    def sequence(channels):
        return u[0].new_empty(batch, length, channels).mT

    chunks = -(-length // CHUNK) if save else 0
    starts = (len(u), batch * groups, chunks, padded, each)
    last = (1 if len(u) == 1 else 0, batch, width, state)
    kept = save and z is not None
    return (
        sequence(width),
        u[0].new_empty(starts, dtype=torch.float32),
        u[0].new_empty(last, dtype=torch.float32),
        sequence(each * groups) if kept else u[0].new_empty(0),
    )


def _fake_backward(dy, dlast, starts, ungated, *arguments):
    u, delta, A, B, C, D, bias, z, *_ = arguments
    rows = (*u, *delta), (*B, *C), (z,) if z is not None else ()

    def like(tensors):
        return [x.mT.new_empty(x.mT.shape).mT for x in tensors]

    u_delta, weights, gate = map(like, rows)
    dA, *vectors = ([x.new_empty(x.shape) for x in s] for s in (A, D, bias))
    return [*u_delta, *dA, *weights, *vectors[0], *vectors[1], *gate]


_scan = define('cuda', _fake_forward, _fake_backward, saved=('ungated',))


def apply(
    directions: tuple[ScanInputs, ...], z: Tensor | None, delta_softplus: bool
) -> tuple[Tensor, list[Tensor]]:
    """Gated sum of the outputs (B, D, L), each last state (B, D, N).

    Two directions return no last states.
    """
    return _scan(directions, z, delta_softplus)


implement('cuda', _forward, _backward, 'CUDA')
