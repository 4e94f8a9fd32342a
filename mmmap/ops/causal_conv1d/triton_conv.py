"""The convolution with its activation in Triton, for CUDA tensors.

Letters: B batch, D channels, L tokens, W taps, T tokens of a tile.

A program takes a tile (T, D) of one image, wherever it lies in memory. Tap k
of time t reads x at t - (W - 1 - k), in reverse at t + (W - 1 - k). With
``TRITON_INTERPRET=1`` in the environment when this is imported, the kernels
are interpreted, on CPU tensors too: slow, for tests.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..triton_math import sigmoid
from .operator import define, implement

_INTERPRETED = triton.knobs.runtime.interpret
BLOCK_T, BLOCK_D = 32, 32

apply = define('triton')


@triton.jit
def _load(x, lines, t, stride_t, d_mask, L, dtype):
    inside = ((t >= 0) & (t < L))[:, None] & d_mask[None, :]
    offsets = lines[None, :] + t[:, None] * stride_t
    return tl.load(x + offsets, inside, other=0).to(dtype)


@triton.jit
def _filter(
    x, weight, bias, lines, t, stride_t, d, d_mask, L, step,
    W: tl.constexpr, HAS_BIAS: tl.constexpr, dtype,
):  # fmt: skip
    """The sum over the taps at times t, (T, D)."""
    total = tl.zeros((t.shape[0], d.shape[0]), dtype)
    if HAS_BIAS:
        total += tl.load(bias + d, d_mask, other=0).to(dtype)[None, :]
    for k in tl.static_range(W):
        tap = tl.load(weight + d * W + k, d_mask, other=0).to(dtype)
        source = t - step * (W - 1 - k)
        total += tap[None, :] * _load(
            x, lines, source, stride_t, d_mask, L, dtype
        )
    return total


@triton.jit
def _tile(D, stride_b, stride_d, T: tl.constexpr, BLOCK: tl.constexpr):
    """Times, channels, which of these exist, and where their lines begin."""
    image = tl.program_id(0).to(tl.int64)
    t = tl.program_id(1) * T + tl.arange(0, T)
    d = tl.program_id(2) * BLOCK + tl.arange(0, BLOCK)
    return t, d, d < D, image * stride_b + d.to(tl.int64) * stride_d


@triton.jit
def forward_kernel(
    x, weight, bias, y, D, L, x_b, x_d, x_t, y_b, y_d, y_t, step,
    W: tl.constexpr, SILU: tl.constexpr, HAS_BIAS: tl.constexpr,
    DOUBLE: tl.constexpr, T: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The output; ``step`` is 1, in reverse -1."""
    dtype = tl.float64 if DOUBLE else tl.float32
    t, d, d_mask, lines = _tile(D, x_b, x_d, T, BLOCK)
    value = _filter(
        x, weight, bias, lines, t, x_t, d, d_mask, L, step, W, HAS_BIAS, dtype
    )
    if SILU:
        value *= sigmoid(value)
    _, _, _, to = _tile(D, y_b, y_d, T, BLOCK)
    offsets = to[None, :] + t[:, None] * y_t
    tl.store(y + offsets, value, (t < L)[:, None] & d_mask[None, :])


@triton.jit
def backward_kernel(
    dy, x, weight, bias, dx, dweight, dbias, D, L,
    dy_b, dy_d, dy_t, x_b, x_d, x_t, dx_b, dx_d, dx_t, step,
    W: tl.constexpr, SILU: tl.constexpr, HAS_BIAS: tl.constexpr,
    DOUBLE: tl.constexpr, T: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradients; those of weight and bias by image and tile of times."""
    dtype = tl.float64 if DOUBLE else tl.float32
    t, d, d_mask, lines = _tile(D, x_b, x_d, T, BLOCK)
    _, _, _, dy_lines = _tile(D, dy_b, dy_d, T, BLOCK)
    place = tl.program_id(0) * tl.num_programs(1) + tl.program_id(1)
    row = place.to(tl.int64) * D + d
    total = tl.zeros((T, BLOCK), dtype)
    for k in tl.static_range(W):
        # The output that tap k takes x[t] to; the last tap to its own time.
        later = t + step * (W - 1 - k)
        grad = _load(dy, dy_lines, later, dy_t, d_mask, L, dtype)
        if SILU:
            value = _filter(
                x, weight, bias, lines, later, x_t, d, d_mask, L, step, W,
                HAS_BIAS, dtype,
            )  # fmt: skip
            gate = sigmoid(value)
            grad *= gate * (1 + value * (1 - gate))
        tap = tl.load(weight + d * W + k, d_mask, other=0).to(dtype)
        total += tap[None, :] * grad
        own = _load(x, lines, t, x_t, d_mask, L, dtype)
        tl.store(dweight + row * W + k, tl.sum(grad * own, 0), d_mask)
        if HAS_BIAS and k == W - 1:
            tl.store(dbias + row, tl.sum(grad, 0), d_mask)
    _, _, _, to = _tile(D, dx_b, dx_d, T, BLOCK)
    offsets = to[None, :] + t[:, None] * dx_t
    tl.store(dx + offsets, total, (t < L)[:, None] & d_mask[None, :])


def _launch(kernel, x, weight, bias, silu, reverse, before, after, strides):
    batch, channels, length = x.shape
    grid = batch, triton.cdiv(length, BLOCK_T), triton.cdiv(channels, BLOCK_D)
    filler = x if bias is None else bias.contiguous()
    if batch:
        kernel[grid](
            *before, x, weight.contiguous(), filler, *after,
            channels, length,
            *(stride for tensor in strides for stride in tensor.stride()),
            -1 if reverse else 1,
            W=weight.shape[1], SILU=silu, HAS_BIAS=bias is not None,
            DOUBLE=x.dtype == torch.float64, T=BLOCK_T, BLOCK=BLOCK_D,
        )  # fmt: skip


def _forward(x, weight, bias, silu, reverse) -> Tensor:
    y = torch.empty_like(x)
    _launch(forward_kernel, x, weight, bias, silu, reverse, [], [y], [x, y])
    return y


def _backward(dy, x, weight, bias, silu, reverse) -> list[Tensor]:
    parts = len(x) * triton.cdiv(x.shape[2], BLOCK_T)
    wide = torch.promote_types(x.dtype, torch.float32)
    dx = torch.empty_like(x)
    dweight = weight.new_empty(parts, *weight.shape, dtype=wide)
    dbias = weight.new_empty(parts, len(weight), dtype=wide)
    _launch(
        backward_kernel, x, weight, bias, silu, reverse,
        [dy], [dx, dweight, dbias], [dy, x, dx],
    )  # fmt: skip
    grads = [dx, dweight.sum(0).to(weight.dtype)]
    return grads if bias is None else [*grads, dbias.sum(0).to(bias.dtype)]


implement('triton', _forward, _backward, 'CUDA')
if _INTERPRETED:
    implement('triton', _forward, _backward, 'CPU')
