"""Stochastic depth."""

from torch import Tensor, nn


class DropPath(nn.Module):
    """Drop a residual branch for a random part of the samples.

    The other samples are scaled up to keep the expectation. Source: Huang
    et al., "Deep Networks with Stochastic Depth" (arXiv 1603.09382).

    Args:
        rate: Probability that a sample loses the branch, in [0, 1).
    """

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f'drop path rate must be in [0, 1), got {rate}')
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Drop in training, pass in evaluation."""
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        mask = x.new_empty(x.shape[0], *[1] * (x.dim() - 1)).bernoulli_(keep)
        return x * mask.div_(keep)

    def extra_repr(self) -> str:
        """The rate."""
        return f'rate={self.rate:.3f}'
