"""The feed-forward part of a Transformer block."""

from torch import Tensor, nn


class Mlp(nn.Module):
    """Linear, GELU, linear.

    Args:
        dims: Channels in and out.
        ratio: Hidden channels over ``dims``.
    """

    def __init__(self, dims: int, ratio: float) -> None:
        super().__init__()
        hidden = int(dims * ratio)
        self.fc1 = nn.Linear(dims, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, dims)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        return self.fc2(self.act(self.fc1(x)))
