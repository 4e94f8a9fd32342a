"""The mixer of MambaVision.

Letters: B batch, L tokens, C channels, D = C / 2 channels of each branch, N
state size, R rank of the step size.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...ops import selective_scan
from .mamba_mixer import SelectiveSSM


class MambaVisionMixer(nn.Module):
    """A scanned branch and a convolved branch, concatenated.

    Unlike in Mamba, the convolutions are not causal and there is no gate: the
    second branch can carry what one scan cannot see.

    Source: Hatamizadeh and Kautz, "MambaVision" (arXiv 2407.08083).

    Args:
        dims: C, even.
        d_state: N.
        d_conv: Width of the convolutions, odd.

    Raises:
        ValueError: An odd number of channels.
    """

    def __init__(self, dims: int, d_state: int = 8, d_conv: int = 3) -> None:
        super().__init__()
        if dims % 2:
            raise ValueError(
                f'{dims} channels cannot be halved; use an even number'
            )
        inner = dims // 2
        self.in_proj = nn.Linear(dims, dims, bias=False)
        self.conv_x, self.conv_z = (
            nn.Conv1d(
                inner,
                inner,
                d_conv,
                padding='same',
                groups=inner,
                bias=False,
            )
            for _ in range(2)
        )
        self.ssm = SelectiveSSM(inner, d_state, None, math.ceil(dims / 16))
        self.out_proj = nn.Linear(dims, dims, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) -> (B, L, C)."""
        x, z = self.in_proj(tokens).transpose(1, 2).chunk(2, dim=1)
        x, z = F.silu(self.conv_x(x)), F.silu(self.conv_z(z))
        u, delta, A, B, C, D, delta_bias = self.ssm(x)
        y = selective_scan(
            u, delta, A, B, C, D, None, delta_bias, delta_softplus=True
        )
        return self.out_proj(torch.cat((y, z), dim=1).transpose(1, 2))
