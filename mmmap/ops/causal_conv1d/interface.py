"""The public functions of the depthwise causal convolution.

Letters: B batch, D channels, L tokens, W width of the filter.
Argument order and layouts follow ``causal_conv1d_fn`` of the package
causal-conv1d (Dao), so code written for it only changes its import.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ..backend import implementation
from ..checks import check_tensor


def causal_conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    seq_idx: None = None,
    initial_states: Tensor | None = None,
    return_final_states: bool = False,
    final_states_out: Tensor | None = None,
    activation: str | None = None,
    *,
    reverse: bool = False,
    backend: str | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Filter each channel with its own causal weights.

    Sums and the gradients of weight and bias are at least fp32; the result
    has the dtype of ``x``.

    Args:
        x: Input, (B, D, L).
        weight: Filters, (D, W); the last tap applies to the current token.
            It can, and should, be fp32 with half-precision inputs.
        bias: (D,).
        seq_idx: Only for the argument order; packed sequences are not
            supported.
        initial_states: The W - 1 tokens before ``x``, (B, D, W - 1); zeros
            by default.
        return_final_states: Also return the last W - 1 tokens.
        final_states_out: Tensor to write them to, (B, D, W - 1).
        activation: None, ``'silu'`` or ``'swish'`` (the same function).
        reverse: Filter from the last token to the first: the same result as
            flipping input and output along L.
        backend: ``'cuda'``, ``'causal_conv1d'`` (the package), ``'cpp'``,
            ``'triton'``, ``'torch'`` or ``'reference'``; by default the
            environment variable ``MMMAP_CONV_BACKEND`` or the device decides.

    Returns:
        (B, D, L), with ``return_final_states`` also (B, D, W - 1).

    Raises:
        ValueError: A shape does not fit, an unknown activation or backend.
        NotImplementedError: ``seq_idx`` is given.
    """
    if seq_idx is not None:
        raise NotImplementedError(
            'causal_conv1d: seq_idx (packed sequences) is not supported; '
            'pass one sequence per batch entry'
        )
    _check_activation(activation)
    _check(x, weight, bias, initial_states, final_states_out)
    before = weight.shape[1] - 1
    if initial_states is not None:
        # In the order of the scan, they precede x.
        parts = [initial_states.to(x.dtype), x]
        x = torch.cat(_flipped(parts) if reverse else parts, dim=-1)
    if final_states_out is not None:
        _expect('final_states_out', final_states_out, (*x.shape[:2], before))
        return_final_states = True
    # Parameters and sums are at least fp32, also with half types.
    wide = torch.promote_types(x.dtype, torch.float32)
    weight = weight.to(wide)
    bias = None if bias is None else bias.to(wide)
    # int: a constant for torch.compile, also where shapes are symbols.
    conv = implementation(
        'causal_conv1d', x.device, backend, x.dtype, int(weight.shape[1])
    )
    y = conv(x, weight, bias, activation is not None, reverse)
    if initial_states is not None:
        y = y[..., : y.shape[-1] - before] if reverse else y[..., before:]
    if not return_final_states:
        return y
    final = _last(x.flip(-1) if reverse else x, before)
    if final_states_out is not None:
        with torch.no_grad():
            final = final_states_out.copy_(final)
    return y, final


def causal_conv1d_bidirectional(
    x: Tensor,
    weight: Sequence[Tensor],
    bias: Sequence[Tensor] | None = None,
    activation: str | None = None,
    *,
    backend: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Filter each channel forward, and with other weights in reverse.

    The results are those of ``causal_conv1d`` without and with ``reverse``;
    some backends read x once for both.

    Args:
        x: Input, (B, D, L).
        weight: Two filters, (D, W), forward and reverse.
        bias: Two tensors, (D,).
        activation: As in ``causal_conv1d``.
        backend: As in ``causal_conv1d``.

    Returns:
        Two tensors (B, D, L).

    Raises:
        ValueError: As ``causal_conv1d``, no pairs, or filters of different
            widths.
    """
    _expect_pair('weight', weight)
    if bias is not None:
        _expect_pair('bias', bias)
    biases = (None, None) if bias is None else bias
    for w, b in zip(weight, biases, strict=True):
        _check(x, w, b, None, None)
    if weight[0].shape != weight[1].shape:
        raise ValueError(
            'causal_conv1d_bidirectional: the filters differ in shape: '
            f'{tuple(weight[0].shape)} and {tuple(weight[1].shape)}'
        )
    conv = implementation(
        'causal_conv1d', x.device, backend, x.dtype, int(weight[0].shape[1])
    )
    if not hasattr(conv, 'both'):
        return tuple(
            causal_conv1d(
                x,
                w,
                b,
                activation=activation,
                reverse=reverse,
                backend=backend,
            )
            for w, b, reverse in zip(
                weight, biases, (False, True), strict=True
            )
        )
    _check_activation(activation)
    return conv.both(x, list(weight), list(bias or ()), activation is not None)


def _check_activation(activation: str | None) -> None:
    if activation not in (None, 'silu', 'swish'):
        raise ValueError(
            "causal_conv1d: activation must be None, 'silu' or 'swish', "
            f'got {activation!r}'
        )


def _flipped(parts: list[Tensor]) -> list[Tensor]:
    """Flip the small parts for ``reverse``; x itself is read from its end."""
    history, x = parts
    return [x, history.flip(-1)]


def _last(x: Tensor, count: int) -> Tensor:
    """A copy of the last tokens, with zeros before the first."""
    return F.pad(x, (count, 0))[..., x.shape[-1] :].clone()


def _check(x, weight, bias, initial_states, final_states_out) -> None:
    check_tensor('causal_conv1d', 'x', x)
    check_tensor('causal_conv1d', 'weight', weight, x.device)
    optional = dict(
        bias=bias,
        initial_states=initial_states,
        final_states_out=final_states_out,
    )
    for name, tensor in optional.items():
        if tensor is not None:
            check_tensor('causal_conv1d', name, tensor, x.device)
    if x.dim() != 3 or 0 in x.shape[1:]:
        raise ValueError(
            'causal_conv1d: x must be (B, D, L) with D and L at least 1, '
            f'got {tuple(x.shape)}'
        )
    batch, channels, _ = x.shape
    if weight.dim() != 2 or len(weight) != channels or not weight.shape[1]:
        raise ValueError(
            f'causal_conv1d: weight must be ({channels}, W) with W at least '
            f'1, got {tuple(weight.shape)}'
        )
    _expect('bias', bias, (channels,))
    states = (batch, channels, weight.shape[1] - 1)
    _expect('initial_states', initial_states, states)


def _expect_pair(name: str, pair: Sequence[Tensor]) -> None:
    tensors = [x for x in pair if isinstance(x, Tensor)]
    if len(tensors) != 2 or len(pair) != 2:
        raise ValueError(
            f'causal_conv1d_bidirectional: {name} must be a pair (forward, '
            f'backward) of tensors, got {len(pair)} items, {len(tensors)} of '
            'them tensors'
        )


def _expect(name: str, x: Tensor | None, shape: tuple[int, ...]) -> None:
    if x is not None and tuple(x.shape) != shape:
        raise ValueError(
            f'causal_conv1d: {name} must be {shape}, got {tuple(x.shape)}'
        )
