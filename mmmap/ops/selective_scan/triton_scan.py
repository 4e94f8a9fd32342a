"""The scan in Triton for CUDA tensors, compiled at first use.

Both directions are one launch. Their sum and the gate are torch's. With
``TRITON_INTERPRET=1`` in the environment when this is imported, the kernels
are interpreted, on CPU tensors too: slow, for tests.
"""

import torch
import triton
from torch import Tensor

from .common import gated_sum, state_dtype
from .interface import ScanInputs
from .operator import CHUNK, define, fakes, implement
from .triton_kernels import backward_kernel, forward_kernel

_INTERPRETED = triton.knobs.runtime.interpret
# Elements of a tile (T, D, N): with 4 warps they fill the registers, without
# spilling on sm_90. The interpreter runs element by element.
_TILE = 512 if _INTERPRETED else 2048
# Channels whose gradients of B and C are summed by one program.
_PART = 64

_scan = define('triton', *fakes(torch.contiguous_format))


def refuses(dtype: torch.dtype, state: int) -> str | None:
    """Why a scan is not supported, or None; see ``mmmap/ops/backend.py``."""
    if settings(state)['num_warps'] > 32:
        return f'its kernels take a state size up to 256, got {state}'
    return None


def apply(
    directions: tuple[ScanInputs, ...], z: Tensor | None, delta_softplus: bool
) -> tuple[Tensor, list[Tensor]]:
    """Gated sum of the outputs (B, D, L), each last state (B, D, N)."""
    y, states = _scan(directions, None, delta_softplus)
    return gated_sum([y], z), states


def settings(state: int) -> dict[str, int]:
    """The kernels' tile for a state size, and its warps."""
    block_n = triton.next_power_of_2(state)
    block_d = max(_TILE // (CHUNK * block_n), 1)
    elements = CHUNK * block_d * block_n
    return dict(
        T=CHUNK,
        BLOCK_D=block_d,
        BLOCK_N=block_n,
        num_warps=max(4 * elements // 2048, 4),
    )


class _Problem:
    """The operator's arguments in the kernels' form."""

    def __init__(self, lists, groups, reverse, softplus) -> None:
        u, _, A, _, _, D, delta_bias = lists
        self.directions = len(u)
        self.batch, self.channels, self.length = u[0].shape
        self.state = A[0].shape[1]
        self.groups, self.per_group = groups, self.channels // groups
        self.chunks = triton.cdiv(self.length, CHUNK)
        self.options = dict(dtype=state_dtype(u[0], A[0]), device=u[0].device)
        self.tensors = [x for tensors in lists for x in _pair(tensors, u[0])]
        self.sizes = (
            self.channels,
            self.per_group,
            self.length,
            self.state,
            self.chunks,
            int(reverse[0]),
            int(reverse[-1]),
        )
        self.settings = settings(self.state) | dict(
            HAS_D=bool(D), HAS_BIAS=bool(delta_bias), SOFTPLUS=softplus
        )

    def programs(self, channels: int) -> tuple[int, int, int]:
        """The grid if each program takes this many channels."""
        parts = self.groups * triton.cdiv(self.per_group, channels)
        return self.batch, parts, self.directions

    def make(self, *size: int, zero: bool = False) -> Tensor:
        """(directions, batch, ...) in the dtype of the state."""
        shape = (self.directions, self.batch, *size)
        return (torch.zeros if zero else torch.empty)(shape, **self.options)


def _pair(tensors: list[Tensor], filler: Tensor) -> tuple[Tensor, Tensor]:
    """One tensor per direction; missing ones are never read."""
    if not tensors:
        return filler, filler
    return tensors[0].contiguous(), tensors[-1].contiguous()


def _forward(*arguments):
    *lists, _, groups, reverse, softplus, save = arguments
    p = _Problem(lists, groups, reverse, softplus)
    y = p.make(p.channels, p.length)
    starts = p.make(p.chunks if save else 0, p.channels, p.state)
    last = p.make(p.channels, p.state)
    grid = p.programs(p.settings['BLOCK_D'])
    if p.batch:
        forward_kernel[grid](
            *p.tensors, y, starts, last, *p.sizes, SAVE=save, **p.settings
        )
    return (y[0] if p.directions == 1 else y[0] + y[1]), starts, last


def _backward(dy, dlast, starts, *arguments):
    *lists, _, groups, reverse, softplus = arguments
    p = _Problem(lists, groups, reverse, softplus)
    u, delta, A, B, C, D, delta_bias = lists
    blocks = triton.cdiv(min(_PART, p.per_group), p.settings['BLOCK_D'])
    grid = p.programs(blocks * p.settings['BLOCK_D'])
    du, ddelta = p.make(p.channels, p.length), p.make(p.channels, p.length)
    dA = p.make(p.channels, p.state, zero=True)
    parts = (groups, grid[1] // groups, p.state, p.length)
    dB, dC = p.make(*parts), p.make(*parts)
    dD, dbias = p.make(p.channels, zero=True), p.make(p.channels, zero=True)
    if p.batch:
        backward_kernel[grid](
            *p.tensors,
            dy.to(du.dtype).contiguous(),
            dlast.to(du.dtype).clone(memory_format=torch.contiguous_format),
            starts,
            *(du, ddelta, dA, dB, dC, dD, dbias),
            *p.sizes,
            BLOCKS=blocks,
            **p.settings,
        )
    made = (du, ddelta, dA.sum(1), dB.sum(3), dC.sum(3), dD.sum(1))
    return [
        grad.reshape(x.shape).to(x.dtype)
        for grads, like in zip((*made, dbias.sum(1)), lists, strict=True)
        for grad, x in zip(grads, like)  # no D, no gradient of it
    ]


implement('triton', _forward, _backward, 'CUDA')
if _INTERPRETED:
    implement('triton', _forward, _backward, 'CPU')
