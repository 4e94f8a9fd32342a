"""A small MLP that estimates the noise in a vector.

Letters: N vectors, D channels of one, E channels of its condition, F channels
inside.

Source: the diffusion loss of MAR (Li et al., arXiv 2406.11838); adaptive
layer norms that begin as identities are DiT's (Peebles and Xie, arXiv
2212.09748).
"""

import math

import torch
from torch import Tensor, nn

_FREQUENCIES = 128


def timestep_waves(timestep: Tensor) -> Tensor:
    """Cosines and sines of timesteps (N,) at many wavelengths, (N, 256)."""
    exponents = torch.arange(_FREQUENCIES, device=timestep.device)
    rates = torch.exp(-math.log(10000.0) * exponents / _FREQUENCIES)
    angles = timestep.float()[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class _Modulated(nn.Module):
    """A layer norm without weights, shifted and scaled by a condition."""

    def __init__(self, dims: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dims, eps=1e-6, elementwise_affine=False)
        self.modulation = nn.Linear(dims, outputs * dims)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)


class _ResidualBlock(_Modulated):
    def __init__(self, dims: int) -> None:
        super().__init__(dims, 3)
        self.mlp = nn.Sequential(
            nn.Linear(dims, dims), nn.SiLU(), nn.Linear(dims, dims)
        )

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift, scale, gate = self.modulation(condition).chunk(3, dim=-1)
        return x + gate * self.mlp(self.norm(x) * (1 + scale) + shift)


class _Output(_Modulated):
    def __init__(self, dims: int, channels: int) -> None:
        super().__init__(dims, 2)
        self.proj = nn.Linear(dims, channels)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift, scale = self.modulation(condition).chunk(2, dim=-1)
        return self.proj(self.norm(x) * (1 + scale) + shift)


class DenoisingMLP(nn.Module):
    """Estimate the noise in vectors, each with its own condition.

    Blocks start as identities, and the first estimate is zero.

    Args:
        channels: D.
        cond_channels: E.
        dims: F.
        depth: Residual blocks.
    """

    def __init__(
        self, channels: int, cond_channels: int, dims: int, depth: int
    ) -> None:
        super().__init__()
        self.input = nn.Linear(channels, dims)
        self.condition = nn.Linear(cond_channels, dims)
        self.time = nn.Sequential(
            nn.Linear(2 * _FREQUENCIES, dims), nn.SiLU(), nn.Linear(dims, dims)
        )
        self.act = nn.SiLU()
        self.blocks = nn.ModuleList(_ResidualBlock(dims) for _ in range(depth))
        self.output = _Output(dims, channels)

    def forward(
        self, noisy: Tensor, timestep: Tensor, condition: Tensor
    ) -> Tensor:
        """Estimate the noise (N, D) in ``noisy``.

        Args:
            noisy: (N, D).
            timestep: (N,), whole numbers from 0.
            condition: (N, E).
        """
        guide = self.time(timestep_waves(timestep)) + self.condition(condition)
        guide = self.act(guide)
        x = self.input(noisy)
        for block in self.blocks:
            x = block(x, guide)
        return self.output(x, guide)
