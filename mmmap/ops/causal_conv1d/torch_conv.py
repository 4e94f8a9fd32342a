"""torch's own grouped convolution."""

from torch import Tensor
from torch.nn import functional as F


def apply(padded: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(B, D, W - 1 + L) -> (B, D, L)."""
    return F.conv1d(padded, weight.unsqueeze(1), bias, groups=weight.shape[0])
