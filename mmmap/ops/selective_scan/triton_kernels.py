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
def _load(x, offsets, mask, dtype):
    return tl.load(x + offsets, mask, other=0).to(dtype)


@triton.jit
def _add(x, offsets, mask, value):
    old = tl.load(x + offsets, mask, other=0)
    tl.store(x + offsets, old + value, mask)


@triton.jit
def _times(chunk, reverse, L, T: tl.constexpr):
    # The steps of a chunk, and at which time they are.
    i = chunk * T + tl.arange(0, T)
    return i, i + reverse * (L - 1 - 2 * i)


@triton.jit
def _channels(group, block, per_group, BLOCK_D: tl.constexpr):
    # A block's channels, and which of them exist.
    inside = block * BLOCK_D + tl.arange(0, BLOCK_D)
    return group * per_group + inside, inside < per_group


@triton.jit
def _states(d, d_mask, N, BLOCK_N: tl.constexpr):
    # Offsets of a block's states (D, N), and which of them exist.
    n = tl.arange(0, BLOCK_N)
    mask = d_mask[:, None] & (n < N)[None, :]
    return d[:, None] * N + n[None, :], mask


@triton.jit
def _step_sizes(
    delta, bias, offsets, mask, d, d_mask,
    HAS_BIAS: tl.constexpr, SOFTPLUS: tl.constexpr, dtype,
):  # fmt: skip
    # Before and after softplus.
    raw = _load(delta, offsets, mask, dtype)
    if HAS_BIAS:
        raw += _load(bias, d, d_mask, dtype)[None, :]
    return raw, tl.where(mask, _softplus(raw) if SOFTPLUS else raw, 0)


@triton.jit
def _decay(step, rate):
    # exp(delta A), (T, D, N); rate is A in units of exp2.
    return tl.exp2(step[:, :, None] * rate[None, :, :])


@triton.jit
def _state_at(i, h):
    # (D, N) of (T, D, N); a tile has no index.
    row = tl.arange(0, h.shape[0])
    return tl.sum(tl.where((row == i)[:, None, None], h, 0), 0)


@triton.jit
def _tile_gradients(value, step, later_step, grad, a, b, c, start, after):
    # Of value, step, a, b, c and start. Sequences are (T, D), b and c (T, N);
    # a, start (the states before the tile) and after (the gradients of those
    # behind it) are (D, N); later_step are the sizes one step later.
    rate = a * LOG2E
    decay = _decay(step, rate)
    x = step * value
    entering = x[:, :, None] * b[:, None, :]
    total, h, kept = tl.associative_scan(
        (decay, entering, tl.zeros_like(decay)), 0, _combine_all
    )
    total *= start[None, :, :]
    h += total
    kept += total
    c_grad = tl.sum(h * grad[:, :, None], 1)

    decay = _decay(later_step, rate)
    entering = grad[:, :, None] * c[:, None, :]
    total, g = tl.associative_scan(
        (decay, entering), 0, _combine, reverse=True
    )
    g += total * after[None, :, :]
    b_grad = tl.sum(g * x[:, :, None], 1)
    dx = tl.sum(g * b[:, None, :], 2)

    # Of delta * A: its derivative of the state is decay * (state before),
    # which h - entering would lose where little is kept.
    exponent = g * kept
    step_grad = dx * value + tl.sum(exponent * a[None, :, :], 2)
    a_grad = tl.sum(exponent * step[:, :, None], 0)
    return dx * step, step_grad, a_grad, b_grad, c_grad, _state_at(0, g)


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
    sequence = side * tl.num_programs(0) + image
    blocks, groups = tl.cdiv(per_group, BLOCK_D), channels // per_group
    group = block // blocks
    d, d_mask = _channels(group, block % blocks, per_group, BLOCK_D)
    state, state_mask = _states(d, d_mask, N, BLOCK_N)
    rate = _load(A, state, state_mask, dtype) * LOG2E
    B += (image * groups + group) * N * L
    C += (image * groups + group) * N * L
    n = tl.arange(0, BLOCK_N)
    h = tl.zeros((BLOCK_D, BLOCK_N), dtype)
    for chunk in range(chunks):
        if SAVE:
            place = (sequence * chunks + chunk) * channels * N
            tl.store(starts + place + state, h, state_mask)
        i, t = _times(chunk, reverse, L, T)
        mask = (i < L)[:, None] & d_mask[None, :]
        offsets = (image * channels + d)[None, :] * L + t[:, None]
        _, step = _step_sizes(
            delta, bias, offsets, mask, d, d_mask, HAS_BIAS, SOFTPLUS, dtype
        )
        value = _load(u, offsets, mask, dtype)
        b_mask = (i < L)[:, None] & (n < N)[None, :]
        b_offsets = n[None, :] * L + t[:, None]
        b = _load(B, b_offsets, b_mask, dtype)
        c = _load(C, b_offsets, b_mask, dtype)
        decay = _decay(step, rate)
        entering = (step * value)[:, :, None] * b[:, None, :]
        total, h_tile = tl.associative_scan((decay, entering), 0, _combine)
        h_tile += total * h[None, :, :]
        out = tl.sum(h_tile * c[:, None, :], 2)
        if HAS_D:
            out += _load(D, d, d_mask, dtype)[None, :] * value
        place = side * tl.num_programs(0) * channels * L
        tl.store(y + place + offsets, out, mask)
        h = _state_at(T - 1, h_tile)
    tl.store(last + sequence * channels * N + state, h, state_mask)


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
    sequence = side * tl.num_programs(0) + image
    parts, groups = tl.cdiv(per_group, BLOCK_D * BLOCKS), channels // per_group
    group = part // parts
    B += (image * groups + group) * N * L
    C += (image * groups + group) * N * L
    dB += (sequence * groups * parts + part) * N * L
    dC += (sequence * groups * parts + part) * N * L
    dA += sequence * channels * N
    carry += sequence * channels * N
    dD += sequence * channels
    dbias += sequence * channels
    made = side * tl.num_programs(0) * channels * L
    n = tl.arange(0, BLOCK_N)
    for back in range(chunks):
        chunk = chunks - 1 - back
        i, t = _times(chunk, reverse, L, T)
        # The step after, whose decay takes its gradient to this one.
        later = t + 1 - 2 * reverse
        b_mask = (i < L)[:, None] & (n < N)[None, :]
        b_offsets = n[None, :] * L + t[:, None]
        b = _load(B, b_offsets, b_mask, dtype)
        c = _load(C, b_offsets, b_mask, dtype)
        b_grad = tl.zeros((T, BLOCK_N), dtype)
        c_grad = tl.zeros((T, BLOCK_N), dtype)
        for block in range(BLOCKS):
            first = (part % parts) * BLOCKS
            d, d_mask = _channels(group, first + block, per_group, BLOCK_D)
            state, state_mask = _states(d, d_mask, N, BLOCK_N)
            a = _load(A, state, state_mask, dtype)
            mask = (i < L)[:, None] & d_mask[None, :]
            lines = (image * channels + d)[None, :] * L
            offsets = lines + t[:, None]
            raw, step = _step_sizes(
                delta, bias, offsets, mask, d, d_mask,
                HAS_BIAS, SOFTPLUS, dtype,
            )  # fmt: skip
            _, later_step = _step_sizes(
                delta, bias, lines + later[:, None],
                (i + 1 < L)[:, None] & d_mask[None, :], d, d_mask,
                HAS_BIAS, SOFTPLUS, dtype,
            )  # fmt: skip
            value = _load(u, offsets, mask, dtype)
            grad = _load(dy, offsets, mask, dtype)
            place = (sequence * chunks + chunk) * channels * N
            start = _load(starts + place, state, state_mask, dtype)
            after = _load(carry, state, state_mask, dtype)
            dvalue, dstep, da, db, dc, dstart = _tile_gradients(
                value, step, later_step, grad, a, b, c, start, after
            )
            b_grad += db
            c_grad += dc
            tl.store(carry + state, dstart, state_mask)
            _add(dA, state, state_mask, da)
            if SOFTPLUS:
                dstep *= sigmoid(raw)
            if HAS_D:
                dvalue += _load(D, d, d_mask, dtype)[None, :] * grad
                _add(dD, d, d_mask, tl.sum(grad * value, 0))
            if HAS_BIAS:
                _add(dbias, d, d_mask, tl.sum(tl.where(mask, dstep, 0), 0))
            tl.store(du + made + offsets, dvalue, mask)
            tl.store(ddelta + made + offsets, dstep, mask)
        tl.store(dB + b_offsets, b_grad, b_mask)
        tl.store(dC + b_offsets, c_grad, b_mask)
