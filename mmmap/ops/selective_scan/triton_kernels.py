"""The scan's loops in Triton.

Letters: T steps of a chunk, D channels of a block, N state size.

A program steps one image, one direction and a block of channels through time,
a chunk at a time. Within a chunk the recurrence

    h[i] = decay[i] * h[i - 1] + x[i] B[i],    x = delta * u

is an associative scan over tiles (T, D, N) in registers; one state (D, N)
passes from chunk to chunk. Step i of the scan is at time i, or at L - 1 - i in
reverse, so nothing is flipped in memory. Steps beyond L have delta = 0, which
does not change the state.

Backward scans the gradients g of the states in the other direction,

    g[i] = C[i] dy[i] + decay[i + 1] * g[i + 1],

after recomputing the states of the chunk. Its programs process several blocks
of channels, so that the gradients of B and C have a fixed order of summation.
"""

import triton
import triton.language as tl

from ..triton_math import sigmoid

LOG2E = tl.constexpr(1.4426950408889634074)


@triton.jit
def _combine(decay, h, next_decay, next_h):
    return decay * next_decay, next_decay * h + next_h


@triton.jit
def _combine_all(decay, h, kept, next_decay, next_h, next_kept):
    # kept is h without what entered at its last step.
    passed = next_decay * h
    return decay * next_decay, passed + next_h, passed + next_kept


@triton.jit
def _softplus(x):
    e = tl.exp(-tl.abs(x))
    w = 1 + e
    # log(1 + e), accurate for small e.
    log1p = tl.where(w == 1, e, tl.log(w) * (e / (w - 1 + (w == 1))))
    return tl.maximum(x, 0) + log1p


@triton.jit
def _raw_delta(
    delta, bias, offsets, mask, d, d_mask, HAS_BIAS: tl.constexpr, dtype
):
    raw = tl.load(delta + offsets, mask, other=0).to(dtype)
    if HAS_BIAS:
        raw += tl.load(bias + d, d_mask, other=0).to(dtype)[None, :]
    return raw


@triton.jit
def forward_kernel(
    u0, u1, delta0, delta1, A0, A1, B0, B1, C0, C1, D0, D1, bias0, bias1,
    y, starts, last,
    channels, per_group, L, N, chunks, reverse0, reverse1,
    HAS_D: tl.constexpr, HAS_BIAS: tl.constexpr, SOFTPLUS: tl.constexpr,
    SAVE: tl.constexpr, T: tl.constexpr, BLOCK_D: tl.constexpr,
    BLOCK_N: tl.constexpr,
):  # fmt: skip
    """Outputs (directions, B, D, L), states before chunks and last ones."""
    image, block, side = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    if side == 0:
        u, delta, A, B, C, D, bias = u0, delta0, A0, B0, C0, D0, bias0
        reverse = reverse0
    else:
        u, delta, A, B, C, D, bias = u1, delta1, A1, B1, C1, D1, bias1
        reverse = reverse1
    dtype = y.dtype.element_ty
    image = image.to(tl.int64)
    images = tl.num_programs(0)
    blocks = tl.cdiv(per_group, BLOCK_D)
    group = block // blocks
    inside = (block % blocks) * BLOCK_D + tl.arange(0, BLOCK_D)
    d, d_mask = group * per_group + inside, inside < per_group
    n = tl.arange(0, BLOCK_N)
    row = tl.arange(0, T)
    n_mask = n < N
    state_mask = d_mask[:, None] & n_mask[None, :]
    state_offsets = d[:, None] * N + n[None, :]
    rate = tl.load(A + state_offsets, state_mask, other=0).to(dtype) * LOG2E
    groups = channels // per_group
    B += (image * groups + group) * N * L
    C += (image * groups + group) * N * L
    states = (side * images + image) * channels * N
    h = tl.zeros((BLOCK_D, BLOCK_N), dtype)
    for chunk in range(chunks):
        if SAVE:
            place = (side * images + image) * chunks + chunk
            tl.store(
                starts + place * channels * N + state_offsets, h, state_mask
            )
        i = chunk * T + row
        t = i + reverse * (L - 1 - 2 * i)
        mask = (i < L)[:, None] & d_mask[None, :]
        offsets = (image * channels + d)[None, :] * L + t[:, None]
        raw = _raw_delta(
            delta, bias, offsets, mask, d, d_mask, HAS_BIAS, dtype
        )
        step = tl.where(mask, _softplus(raw) if SOFTPLUS else raw, 0)
        value = tl.load(u + offsets, mask, other=0).to(dtype)
        b_mask = (i < L)[:, None] & n_mask[None, :]
        b_offsets = n[None, :] * L + t[:, None]
        b = tl.load(B + b_offsets, b_mask, other=0).to(dtype)
        c = tl.load(C + b_offsets, b_mask, other=0).to(dtype)
        decay = tl.exp2(step[:, :, None] * rate[None, :, :])
        entering = (step * value)[:, :, None] * b[:, None, :]
        total, h_tile = tl.associative_scan((decay, entering), 0, _combine)
        h_tile += total * h[None, :, :]
        out = tl.sum(h_tile * c[:, None, :], 2)
        if HAS_D:
            out += tl.load(D + d, d_mask, other=0).to(dtype)[None, :] * value
        tl.store(y + side * images * channels * L + offsets, out, mask)
        h = tl.sum(tl.where((row == T - 1)[:, None, None], h_tile, 0), 0)
    tl.store(last + states + state_offsets, h, state_mask)


@triton.jit
def backward_kernel(
    u0, u1, delta0, delta1, A0, A1, B0, B1, C0, C1, D0, D1, bias0, bias1,
    dy, carry, starts, du, ddelta, dA, dB, dC, dD, dbias,
    channels, per_group, L, N, chunks, reverse0, reverse1,
    HAS_D: tl.constexpr, HAS_BIAS: tl.constexpr, SOFTPLUS: tl.constexpr,
    T: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCKS: tl.constexpr,
):  # fmt: skip
    """Gradients of all arguments; ``carry`` enters as that of the states.

    Those of A, D and the bias are left by image, those of B and C by part of
    the channels, to be summed.
    """
    image, part, side = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    if side == 0:
        u, delta, A, B, C, D, bias = u0, delta0, A0, B0, C0, D0, bias0
        reverse = reverse0
    else:
        u, delta, A, B, C, D, bias = u1, delta1, A1, B1, C1, D1, bias1
        reverse = reverse1
    dtype = dy.dtype.element_ty
    image = image.to(tl.int64)
    images = tl.num_programs(0)
    parts = tl.cdiv(per_group, BLOCK_D * BLOCKS)
    group = part // parts
    n = tl.arange(0, BLOCK_N)
    row = tl.arange(0, T)
    n_mask = n < N
    groups = channels // per_group
    B += (image * groups + group) * N * L
    C += (image * groups + group) * N * L
    place = (side * images + image) * (groups * parts) + part
    dB += place * N * L
    dC += place * N * L
    sequences = side * images * channels * L
    states = (side * images + image) * channels * N
    vectors = (side * images + image) * channels
    for back in range(chunks):
        chunk = chunks - 1 - back
        i = chunk * T + row
        t = i + reverse * (L - 1 - 2 * i)
        # The step after, whose decay takes its gradient to this one.
        later = t + 1 - 2 * reverse
        valid, has_later = i < L, i + 1 < L
        b_mask = valid[:, None] & n_mask[None, :]
        b_offsets = n[None, :] * L + t[:, None]
        b = tl.load(B + b_offsets, b_mask, other=0).to(dtype)
        c = tl.load(C + b_offsets, b_mask, other=0).to(dtype)
        b_grad = tl.zeros((T, BLOCK_N), dtype)
        c_grad = tl.zeros((T, BLOCK_N), dtype)
        for block in range(BLOCKS):
            first = (part % parts) * BLOCKS + block
            inside = first * BLOCK_D + tl.arange(0, BLOCK_D)
            d, d_mask = group * per_group + inside, inside < per_group
            state_mask = d_mask[:, None] & n_mask[None, :]
            state_offsets = d[:, None] * N + n[None, :]
            a = tl.load(A + state_offsets, state_mask, other=0).to(dtype)
            mask = valid[:, None] & d_mask[None, :]
            lines = (image * channels + d)[None, :] * L
            offsets = lines + t[:, None]
            raw = _raw_delta(
                delta, bias, offsets, mask, d, d_mask, HAS_BIAS, dtype
            )
            step = tl.where(mask, _softplus(raw) if SOFTPLUS else raw, 0)
            later_mask = has_later[:, None] & d_mask[None, :]
            later_raw = _raw_delta(
                delta, bias, lines + later[:, None], later_mask, d, d_mask,
                HAS_BIAS, dtype,
            )  # fmt: skip
            later_step = tl.where(
                later_mask, _softplus(later_raw) if SOFTPLUS else later_raw, 0
            )
            value = tl.load(u + offsets, mask, other=0).to(dtype)
            grad = tl.load(dy + offsets, mask, other=0).to(dtype)

            # The states again.
            start = tl.load(
                starts
                + ((side * images + image) * chunks + chunk) * channels * N
                + state_offsets,
                state_mask,
                other=0,
            )
            rate = a * LOG2E
            decay = tl.exp2(step[:, :, None] * rate[None, :, :])
            x = step * value
            entering = x[:, :, None] * b[:, None, :]
            total, h, kept = tl.associative_scan(
                (decay, entering, tl.zeros_like(decay)), 0, _combine_all
            )
            total *= start[None, :, :]
            h += total
            kept += total
            c_grad += tl.sum(h * grad[:, :, None], 1)

            # Gradients of the states, from the last to the first.
            after = tl.load(
                carry + states + state_offsets, state_mask, other=0
            )
            decay = tl.exp2(later_step[:, :, None] * rate[None, :, :])
            total, g = tl.associative_scan(
                (decay, grad[:, :, None] * c[:, None, :]),
                0,
                _combine,
                reverse=True,
            )
            g += total * after[None, :, :]
            first_g = tl.sum(tl.where((row == 0)[:, None, None], g, 0), 0)
            tl.store(carry + states + state_offsets, first_g, state_mask)
            b_grad += tl.sum(g * x[:, :, None], 1)
            dx = tl.sum(g * b[:, None, :], 2)

            # Of delta * A: its derivative of the state is decay * (state
            # before), which h - entering would lose where little is kept.
            exponent = g * kept
            step_grad = dx * value + tl.sum(exponent * a[None, :, :], 2)
            if SOFTPLUS:
                step_grad *= sigmoid(raw)
            value_grad = dx * step
            if HAS_D:
                skip = tl.load(D + d, d_mask, other=0).to(dtype)
                value_grad += skip[None, :] * grad
                old = tl.load(dD + vectors + d, d_mask, other=0)
                new = old + tl.sum(grad * value, 0)
                tl.store(dD + vectors + d, new, d_mask)
            if HAS_BIAS:
                old = tl.load(dbias + vectors + d, d_mask, other=0)
                new = old + tl.sum(tl.where(mask, step_grad, 0), 0)
                tl.store(dbias + vectors + d, new, d_mask)
            tl.store(du + sequences + offsets, value_grad, mask)
            tl.store(ddelta + sequences + offsets, step_grad, mask)
            old = tl.load(dA + states + state_offsets, state_mask, other=0)
            new = old + tl.sum(exponent * step[:, :, None], 0)
            tl.store(dA + states + state_offsets, new, state_mask)
        tl.store(dB + b_offsets, b_grad, b_mask)
        tl.store(dC + b_offsets, c_grad, b_mask)
