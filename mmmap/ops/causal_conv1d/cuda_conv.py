"""The convolution with its activation in CUDA, compiled at first use.

Letters: B batch, D channels, L tokens, W taps.

Both directions of a mixer are one launch that reads x once. Tensors are
channels last, as projections write them; weights, biases and sums are fp32.
"""

import ctypes

import torch
from torch import Tensor

from ..cuda import (
    Launch,
    Pair,
    Pointers,
    Rows,
    fp32_parameters,
    pair,
    pointers,
    rows,
    rows_again,
    token_rows,
)
from .operator import define, define_pair, implement, implement_pair

WIDEST = 4
_THREADS = 64
# Threads that fill a large GPU.
_ENOUGH = 132 * 1024


class ConvArgs(ctypes.Structure):
    """``ConvArgs`` of ``conv.cu``."""

    _fields_ = [
        ('x', Rows),
        ('y', Pair),
        ('dy', Pair),
        ('dx', Rows),
        ('weight', Pointers),
        ('bias', Pointers),
        ('parts', ctypes.c_void_p),
        *(
            (name, ctypes.c_int)
            for name in ('images', 'channels', 'length', 'tiles', 'blocks')
        ),
    ]


def refuses(dtype: torch.dtype, width: int) -> str | None:
    """Why these kernels do not support a problem, or None.

    Args:
        dtype: The dtype of x.
        width: W.
    """
    if dtype == torch.float64:
        return 'it computes in fp32, not in fp64'
    if width > WIDEST:
        return f'it has kernels for up to {WIDEST} taps, got {width}'
    return None


class _Problem:
    """The kernels' arguments, for one direction or two."""

    def __init__(self, x, weights, biases, silu, reverse) -> None:
        self.width = x.shape[1]
        self.x = token_rows(x, 1, x.dtype)
        self.batch, self.channels, self.length = self.x.shape
        self.weights = [fp32_parameters(w, 1) for w in weights]
        self.biases = [fp32_parameters(b, 1) for b in biases]
        taps = weights[0].shape[1]
        blocks = -(-self.channels // (2 * _THREADS))
        self.tokens = 128
        while (
            self.tokens > 16
            and self.batch * blocks * _THREADS * -(-self.length // self.tokens)
            < _ENOUGH
        ):
            self.tokens //= 2
        self.args = ConvArgs(
            x=rows(self.x),
            weight=pointers(self.weights),
            bias=pointers(self.biases),
            images=self.batch,
            channels=self.channels,
            length=self.length,
            tiles=-(-self.length // self.tokens),
            blocks=blocks,
        )
        constants = dict(
            T=x.dtype,
            W=taps,
            DIRECTIONS=len(weights),
            BACK0=reverse[0],
            BACK1=reverse[-1],
            SILU=silu,
            TOKENS=self.tokens,
        )
        files = 'common.cuh', 'conv.cu'
        self.run = Launch.of(files, constants, x.device)

    def launch(self, name: str) -> None:
        if self.batch:
            grid = self.batch * self.args.blocks, self.args.tiles
            self.run(name, grid, _THREADS, 0, self.args)

    def like_x(self) -> Tensor:
        """Allocate (B, D, L), channels last."""
        size = self.batch, self.length, self.channels
        return self.x.new_empty(size).mT

    def result(self, x: Tensor) -> Tensor:
        """(B, D, L) with the caller's D, channels last."""
        return rows_again(x, 1, self.width)


def _forward(x, weights, biases, silu, reverse) -> list[Tensor]:
    p = _Problem(x, weights, biases, silu, reverse)
    ys = [p.like_x() for _ in weights]
    p.args.y = pair(ys)
    p.launch('conv_forward')
    return [p.result(y) for y in ys]


def _backward(dys, x, weights, biases, silu, reverse) -> list[Tensor]:
    """Gradients of x, the weights and the biases, if there are any."""
    p = _Problem(x, weights, biases, silu, reverse)
    dys = [token_rows(dy, 1, x.dtype) for dy in dys]
    dx = p.like_x()
    taps = weights[0].shape[1]
    size = len(weights), p.batch * p.args.tiles, taps + 1, p.channels
    parts = torch.empty(size, dtype=torch.float32, device=x.device)
    p.args.dy, p.args.dx = pair(dys), rows(dx)
    p.args.parts = parts.data_ptr()
    p.launch('conv_backward')
    total = parts.sum(1)[..., : p.width]
    grads = [
        total[k, :taps].mT.contiguous().to(w.dtype)
        for k, w in enumerate(weights)
    ]
    grads += [
        total[k, taps].contiguous().to(b.dtype) for k, b in enumerate(biases)
    ]
    return [p.result(dx), *grads]


def _one(x, weight, bias, silu, reverse) -> Tensor:
    biases = [] if bias is None else [bias]
    return _forward(x, [weight], biases, silu, [reverse])[0]


def _one_backward(dy, x, weight, bias, silu, reverse) -> list[Tensor]:
    biases = [] if bias is None else [bias]
    return _backward([dy], x, [weight], biases, silu, [reverse])


def _both(x, weights, biases, silu) -> tuple[Tensor, Tensor]:
    return tuple(_forward(x, weights, biases, silu, [False, True]))


def _both_backward(dy0, dy1, x, weights, biases, silu) -> list[Tensor]:
    return _backward([dy0, dy1], x, weights, biases, silu, [False, True])


apply = define('cuda', channels_last=True)
apply.both = define_pair('cuda')


def register(key: str) -> None:
    """Register the kernels for a dispatch key of torch."""
    implement('cuda', _one, _one_backward, key)
    implement_pair('cuda', _both, _both_backward, key)


register('CUDA')
