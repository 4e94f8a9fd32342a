"""The bidirectional Mamba-1 mixer.

Letters: B batch, L tokens, C embedding channels, D = expand * C inner
channels, N state size, R rank of the step size.
"""

import math

import torch
from torch import Tensor, nn

from ...ops import (
    causal_conv1d,
    causal_conv1d_bidirectional,
    selective_scan,
    selective_scan_bidirectional,
)
from .checks import check_choice

REVERSED = ('tokens', 'channels')


class SelectiveSSM(nn.Module):
    """The parameters of one scan direction, and its arguments from a sequence.

    Init is Mamba's: steps log-uniform in [1e-3, 1e-1], A = -(1..N), D = 1.
    Source: Gu and Dao (arXiv 2312.00752).

    Args:
        dims: D.
        d_state: N.
        d_conv: Width of the causal convolution; None for no convolution.
        dt_rank: R.
    """

    def __init__(
        self, dims: int, d_state: int, d_conv: int | None, dt_rank: int
    ) -> None:
        super().__init__()
        self.splits = (dt_rank, d_state, d_state)
        self.conv1d = None
        if d_conv is not None:
            self.conv1d = nn.Conv1d(
                dims, dims, d_conv, groups=dims, padding=d_conv - 1
            )
        self.x_proj = nn.Linear(dims, dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(dt_rank, dims)
        self.A_log = nn.Parameter(torch.empty(dims, d_state))
        self.D = nn.Parameter(torch.empty(dims))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Mamba's init of the state space."""
        dims, d_state = self.A_log.shape
        dt_rank = self.splits[0]
        nn.init.uniform_(self.dt_proj.weight, -(dt_rank**-0.5), dt_rank**-0.5)
        with torch.no_grad():
            low, high = math.log(1e-3), math.log(1e-1)
            dt = torch.empty(dims).uniform_(low, high).exp_().clamp_(min=1e-4)
            # Inverse of softplus.
            self.dt_proj.bias.copy_(dt + torch.log(-torch.expm1(-dt)))
            self.A_log.copy_(torch.arange(1, d_state + 1).float().log())
            self.D.fill_(1)

    def forward(self, u: Tensor) -> tuple[Tensor, ...]:
        """The scan's arguments (u, delta, A, B, C, D, delta_bias).

        Everything that depends on tokens stays channels last in memory, as
        the projections write it.

        Args:
            u: (B, D, L), after the convolution.
        """
        projected = self.x_proj(u.transpose(1, 2))
        dt, B, C = projected.split(self.splits, dim=-1)
        # The scan adds the bias, in fp32.
        delta = nn.functional.linear(dt, self.dt_proj.weight)
        A = -torch.exp(self.A_log.float())
        return (
            u,
            delta.transpose(1, 2),
            A,
            B.transpose(1, 2),
            C.transpose(1, 2),
            self.D,
            self.dt_proj.bias,
        )

    @property
    def filter(self) -> tuple[Tensor, Tensor]:
        """Weight (D, W) and bias (D,) of the convolution."""
        return self.conv1d.weight.squeeze(1), self.conv1d.bias


class BidirectionalMamba(nn.Module):
    """Mix tokens by two scans of the same projected input.

    The directions share the input and output projections; each has its own
    convolution and state space. The second direction reverses

    - ``'tokens'``: the order of the tokens. The gate is shared, and the
      result is the mean of both (Zhu et al., "Vision Mamba", arXiv
      2401.09417);
    - ``'channels'``: the projected channels, so that input and gate change
      places; the tokens keep their order. Its result is reversed back, and
      the two are summed (Han et al., "Mamba3D", arXiv 2404.14966): points
      have no natural order to reverse.

    Args:
        dims: C.
        d_state: N.
        d_conv: Width of the causal convolutions.
        expand: D / C.
        reverse: ``'tokens'`` or ``'channels'``.

    Raises:
        ValueError: An unknown ``reverse``.
    """

    def __init__(
        self,
        dims: int,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        reverse: str = 'tokens',
    ) -> None:
        super().__init__()
        check_choice('reverse', reverse, REVERSED)
        self.reverse = reverse
        inner = int(expand * dims)
        dt_rank = math.ceil(dims / 16)
        self.in_proj = nn.Linear(dims, 2 * inner, bias=False)
        self.ssm_forward = SelectiveSSM(inner, d_state, d_conv, dt_rank)
        self.ssm_backward = SelectiveSSM(inner, d_state, d_conv, dt_rank)
        self.out_proj = nn.Linear(inner, dims, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) -> (B, L, C)."""
        projected = self.in_proj(tokens)
        if self.reverse == 'channels':
            y = _scan(self.ssm_forward, projected)
            y = y + _scan(self.ssm_backward, projected.flip(2)).flip(1)
            return self.out_proj(y.transpose(1, 2))
        x, z = input_and_gate(projected)
        both = self.ssm_forward, self.ssm_backward
        weights, biases = zip(*(ssm.filter for ssm in both), strict=True)
        us = causal_conv1d_bidirectional(x, weights, biases, 'silu')
        pairs = zip(*(ssm(u) for ssm, u in zip(both, us)), strict=True)
        u, delta, A, B, C, D, delta_bias = pairs
        y = selective_scan_bidirectional(
            u, delta, A, B, C, D, z, delta_bias, delta_softplus=True
        )
        # Take the mean after out_proj, where there are fewer channels.
        return self.out_proj(y.transpose(1, 2)) / 2


def input_and_gate(projected: Tensor) -> tuple[Tensor, Tensor]:
    """Split (B, L, 2D) in two (B, D, L), views that are channels last."""
    # Split before transposing: the gradients are joined without a transpose.
    x, z = projected.chunk(2, dim=2)
    return x.mT, z.mT


def _scan(ssm: SelectiveSSM, projected: Tensor) -> Tensor:
    """One direction of input and gate, (B, L, 2D) -> (B, D, L)."""
    x, z = input_and_gate(projected)
    u, delta, A, B, C, D, delta_bias = ssm(
        causal_conv1d(x, *ssm.filter, activation='silu')
    )
    return selective_scan(
        u, delta, A, B, C, D, z, delta_bias, delta_softplus=True
    )
