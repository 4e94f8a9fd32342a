"""The public functions of the selective scan.

Letters: B batch, D channels, L tokens, N state size, G groups of channels.
Argument order and layouts follow mamba-ssm's ``selective_scan_fn`` (Gu and
Dao, arXiv 2312.00752), so code written for it only changes its import.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..backend import implementation
from ..checks import check_tensor


class ScanInputs(NamedTuple):
    """Checked arguments of one direction; B and C are (B, G, N, L)."""

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor | None
    delta_bias: Tensor | None
    reverse: bool = False


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    *,
    reverse: bool = False,
    backend: str | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Scan a sequence through a state space with input-dependent parameters.

    State and sums are in fp32 (fp64 for fp64 inputs); the result has the
    dtype of ``u``.

    Args:
        u: Input, (B, D, L).
        delta: Step size, (B, D, L).
        A: Decay rates, negative, (D, N), real.
        B: Input weights, (B, N, L) or (B, G, N, L).
        C: Output weights, shaped as ``B``.
        D: Skip weight per channel, (D,).
        z: Gate, (B, D, L): the result is multiplied by silu(z).
        delta_bias: Added to ``delta`` first, (D,).
        delta_softplus: Whether softplus follows the bias.
        return_last_state: Also return the state after the last step.
        reverse: Scan from the last token to the first: the same result as
            flipping every sequence and the output along L.
        backend: ``'cuda'``, ``'mamba_ssm'``, ``'triton'``, ``'cpp'``,
            ``'torch'`` or ``'reference'``; by default the environment variable
            ``MMMAP_SCAN_BACKEND`` or the device decides.

    Returns:
        (B, D, L), with ``return_last_state`` also the state, (B, D, N).

    Raises:
        ValueError: A shape does not fit the others, or no such backend.
        RuntimeError: The selected backend cannot run here.
    """
    inputs = _check(u, delta, A, B, C, D, delta_bias, reverse)
    _check_gate(z, u)
    scan = _implementation(inputs, backend)
    y, (state,) = scan((inputs,), z, delta_softplus)
    y = y.to(u.dtype)
    return (y, state) if return_last_state else y


def selective_scan_bidirectional(
    u: Sequence[Tensor],
    delta: Sequence[Tensor],
    A: Sequence[Tensor],
    B: Sequence[Tensor],
    C: Sequence[Tensor],
    D: Sequence[Tensor] | None = None,
    z: Tensor | None = None,
    delta_bias: Sequence[Tensor] | None = None,
    delta_softplus: bool = False,
    *,
    backend: str | None = None,
) -> Tensor:
    """Sum a scan from the first to the last token and one in reverse.

    Callers flip nothing: both of each pair have the same layout along L, and
    the second is read from its end. Both share the gate.

    Args:
        u: Two tensors, (B, D, L), forward and reverse, as all pairs.
        delta: Two tensors, (B, D, L).
        A: Two tensors, (D, N).
        B: Two tensors, (B, N, L) or (B, G, N, L).
        C: Two tensors, shaped as ``B``.
        D: Two tensors, (D,).
        z: One gate, (B, D, L), for both.
        delta_bias: Two tensors, (D,).
        delta_softplus: Whether softplus follows the bias.
        backend: As in ``selective_scan``.

    Returns:
        (forward + reverse) * silu(z), (B, D, L), in the dtype of ``u``.

    Raises:
        ValueError: Not pairs, or a shape does not fit the others.
        RuntimeError: The selected backend cannot run here.
    """
    pairs = dict(u=u, delta=delta, A=A, B=B, C=C, D=D, delta_bias=delta_bias)
    for name, pair in pairs.items():
        if pair is None and name in ('D', 'delta_bias'):
            continue
        if not _is_pair_of_tensors(pair):
            raise ValueError(
                f'selective_scan_bidirectional: {name} must be a pair '
                f'(forward, backward) of tensors, got {_kinds(pair)}'
            )
    both = tuple(
        _check(
            *(None if p is None else p[side] for p in pairs.values()),
            reverse=bool(side),
        )
        for side in (0, 1)
    )
    for name in ('u', 'A', 'B'):
        shapes = [tuple(getattr(inputs, name).shape) for inputs in both]
        if shapes[0] != shapes[1]:
            raise ValueError(
                'selective_scan_bidirectional: the directions differ in the '
                f'shape of {name}: {shapes[0]} and {shapes[1]}'
            )
    _check_gate(z, u[0])
    scan = _implementation(both[0], backend)
    y, _ = scan(both, z, delta_softplus)
    return y.to(u[0].dtype)


def _implementation(inputs: ScanInputs, backend: str | None) -> Callable:
    u, A = inputs.u, inputs.A
    dtype = A.dtype if A.dtype == torch.float64 else u.dtype
    # int: a constant for torch.compile, also where shapes are symbols.
    return implementation(
        'selective_scan', u.device, backend, dtype, int(A.shape[1])
    )


def _is_pair_of_tensors(pair) -> bool:
    return (
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and all(isinstance(x, Tensor) for x in pair)
    )


def _kinds(pair) -> str:
    """Describe an argument for a message."""
    if isinstance(pair, list | tuple):
        return f'({", ".join(type(x).__name__ for x in pair)})'
    return type(pair).__name__


def _check(u, delta, A, B, C, D, delta_bias, reverse) -> ScanInputs:
    check_tensor('selective_scan', 'u', u)
    given = dict(delta=delta, A=A, B=B, C=C, D=D, delta_bias=delta_bias)
    for name, x in given.items():
        if x is not None or name not in ('D', 'delta_bias'):
            check_tensor('selective_scan', name, x, u.device)
    if u.dim() != 3 or 0 in u.shape[1:]:
        raise ValueError(
            'selective_scan: u must be (B, D, L) with D and L at least 1, '
            f'got {tuple(u.shape)}'
        )
    batch, channels, length = u.shape
    if A.dim() != 2 or A.shape[0] != channels or not A.shape[1]:
        raise ValueError(
            f'selective_scan: A must be ({channels}, N) with N at least 1, '
            f'got {tuple(A.shape)}'
        )
    _expect('delta', delta, (batch, channels, length))
    B, C = _grouped('B', B, u, A), _grouped('C', C, u, A)
    if B.shape[1] != C.shape[1]:
        raise ValueError(
            f'selective_scan: B has {B.shape[1]} groups, C has {C.shape[1]}'
        )
    for name, vector in (('D', D), ('delta_bias', delta_bias)):
        if vector is not None:
            _expect(name, vector, (channels,))
    return ScanInputs(u, delta, A, B, C, D, delta_bias, reverse)


def _grouped(name: str, x: Tensor, u: Tensor, A: Tensor) -> Tensor:
    """B or C as (B, G, N, L)."""
    if x.dim() == 3:
        x = x.unsqueeze(1)
    batch, channels, length = u.shape
    state = A.shape[1]
    fits = (
        x.dim() == 4
        and (x.shape[0], x.shape[2], x.shape[3]) == (batch, state, length)
        and x.shape[1] > 0
        and channels % x.shape[1] == 0
    )
    if not fits:
        raise ValueError(
            f'selective_scan: {name} must be ({batch}, {state}, {length}) or '
            f'({batch}, G, {state}, {length}) with G a divisor of '
            f'{channels}, got {tuple(x.shape)}'
        )
    return x


def _expect(name: str, x: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(x.shape) != shape:
        raise ValueError(
            f'selective_scan: {name} must be {shape} to fit u, '
            f'got {tuple(x.shape)}'
        )


def _check_gate(z: Tensor | None, u: Tensor) -> None:
    if z is not None:
        check_tensor('selective_scan', 'z', z, u.device)
        _expect('z', z, tuple(u.shape))
