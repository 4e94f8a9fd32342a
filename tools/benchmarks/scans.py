"""The scans that are compared: ours, and how others do it in Python.

Each computes what a bidirectional mixer needs: softplus of the step with its
bias, two directions, skip, gate. Those with one direction only are called
twice, on flipped sequences, as their users do.
"""

import importlib.util
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from mmmap.ops import selective_scan_bidirectional
from mmmap.ops.backend import BACKENDS

PAIRS = ('u', 'delta', 'A', 'B', 'C', 'D', 'delta_bias')


class Scan(NamedTuple):
    """One way to scan.

    Args:
        run: From pairs of arguments, by name, and the gate to (B, D, L).
        largest: Elements of (B, D, L, N) beyond which it takes too long.
    """

    run: Callable[[dict, Tensor], Tensor]
    largest: float = math.inf


def ours(backend: str) -> Callable:
    """A backend of mmmap."""

    def run(pairs, z):
        return selective_scan_bidirectional(
            **pairs, z=z, delta_softplus=True, backend=backend
        )

    return run


def twice(scan: Callable) -> Callable:
    """Both directions from a scan (u, delta, A, B, C) -> (B, D, L)."""

    def run(pairs, z):
        ys = []
        for side in (0, 1):
            x = {name: pairs[name][side] for name in PAIRS}
            delta = F.softplus(x['delta'] + x['delta_bias'][:, None])
            sequences = [x['u'], delta, x['B'], x['C']]
            if side:
                sequences = [s.flip(-1) for s in sequences]
            u, delta, B, C = sequences
            y = scan(u, delta, x['A'], B, C) + x['D'][:, None] * u
            ys.append(y.flip(-1) if side else y)
        return (ys[0] + ys[1]) * F.silu(z)

    return run


def loop(u, delta, A, B, C) -> Tensor:
    """Step by step, on contiguous slices."""
    u, delta, B, C = (
        x.permute(2, 0, 1).contiguous() for x in (u, delta, B, C)
    )
    x = delta * u
    h = u.new_zeros(*u.shape[1:], A.shape[1])
    ys = []
    for t in range(len(u)):
        decay = torch.exp(delta[t, :, :, None] * A)
        h = decay * h + x[t, :, :, None] * B[t, :, None]
        ys.append((h * C[t, :, None]).sum(-1))
    return torch.stack(ys, dim=-1)


def textbook(u, delta, A, B, C) -> Tensor:
    """Step by step, after computing everything as (B, D, L, N).

    As in mamba-ssm's reference and the slow path of Hugging Face's Mamba.
    """
    decay = torch.exp(torch.einsum('bdl,dn->bdln', delta, A))
    inputs = torch.einsum('bdl,bnl,bdl->bdln', delta, B, u)
    h = torch.zeros_like(inputs[:, :, 0])
    ys = []
    for t in range(u.shape[2]):
        h = decay[:, :, t] * h + inputs[:, :, t]
        ys.append(torch.einsum('bdn,bn->bd', h, C[:, :, t]))
    return torch.stack(ys, dim=2)


def mambapy(u, delta, A, B, C) -> Tensor:
    """The parallel scan of the package mambapy, on (B, L, D, N)."""
    from mambapy.pscan import pscan

    delta = delta.mT
    decay = torch.exp(delta.unsqueeze(-1) * A)
    x = (delta * u.mT).unsqueeze(-1) * B.mT.unsqueeze(2)
    return (pscan(decay, x) @ C.mT.unsqueeze(-1)).squeeze(3).mT


def available(device_type: str) -> dict[str, Scan]:
    """Scans by name; the first is ours, the last the plain definition."""
    backends = BACKENDS['selective_scan']
    scans = {
        b.name: Scan(ours(b.name)) for b in backends if b.unasked(device_type)
    }
    if importlib.util.find_spec('mambapy'):
        scans['mambapy'] = Scan(twice(mambapy))
    # Its backward takes seconds at the smallest shapes.
    scans['textbook'] = Scan(twice(textbook), 1e7)
    scans['loop'] = Scan(twice(loop))
    return scans


def make_inputs(
    shape: tuple[int, ...], seed: int, device: str, dtype=torch.float32
) -> tuple[dict, Tensor, Tensor]:
    """Pairs and gate as a mixer has them, and a gradient of the output.

    Args:
        shape: (B, D, L, N).
        seed: Seed of torch's generator.
        device: As torch names it.
        dtype: Type of what depends on the token; the rest is fp32.
    """
    batch, channels, length, state = shape
    generator = torch.Generator(device).manual_seed(seed)

    def normal(*size, dtype=dtype):
        x = torch.randn(size, generator=generator, device=device).to(dtype)
        return x.requires_grad_()

    def tokens(size):
        # The projections leave the channels last.
        return normal(batch, length, size).detach().mT.requires_grad_()

    def rates():
        A = -torch.arange(1.0, state + 1, device=device)
        return A.repeat(channels, 1).requires_grad_()

    makers = dict(
        u=lambda: normal(batch, channels, length),
        delta=lambda: tokens(channels),
        A=rates,
        B=lambda: tokens(state),
        C=lambda: tokens(state),
        D=lambda: normal(channels, dtype=torch.float32),
        delta_bias=lambda: (
            normal(channels, dtype=torch.float32).detach() * 0.5 - 3
        ).requires_grad_(),
    )
    pairs = {name: (make(), make()) for name, make in makers.items()}
    grad = normal(batch, channels, length).detach()
    return pairs, tokens(channels), grad


def forward(scan: Scan, pairs: dict, z: Tensor) -> Tensor:
    """The output, without a graph."""
    with torch.no_grad():
        return scan.run(pairs, z)


def both(scan: Scan, pairs: dict, z: Tensor, grad: Tensor) -> list[Tensor]:
    """The output and the gradients of everything."""
    y = scan.run(pairs, z)
    leaves = [x for pair in pairs.values() for x in pair]
    return [y, *torch.autograd.grad(y, [*leaves, z], grad)]
