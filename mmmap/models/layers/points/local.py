"""Aggregation of features of neighbouring groups.

Letters: B batch, L tokens, G groups, k neighbours, C channels.
"""

import torch
from torch import Tensor, nn

from ....ops import gather_points


class LocalAggregation(nn.Module):
    """Pool the differences between a group and its neighbours.

    Differences to the group's own feature are divided by one standard
    deviation, concatenated with the own feature, scaled, and averaged with
    weights exp(feature).

    Source: the local norm pooling of Mamba3D (Han et al., arXiv 2404.14966).

    Args:
        dims: C.
        batch_std: Take the standard deviation over the whole batch, as
            published; results then depend on the other samples. By default
            each sample has its own.
    """

    def __init__(self, dims: int, batch_std: bool = False) -> None:
        super().__init__()
        self.batch_std = batch_std
        self.scale = nn.Parameter(torch.ones(2 * dims))
        self.shift = nn.Parameter(torch.zeros(2 * dims))
        self.norm = nn.LayerNorm(2 * dims)
        self.proj = nn.Linear(2 * dims, dims)
        self.act = nn.SiLU()

    def forward(self, x: Tensor, neighbours: Tensor) -> Tensor:
        """Aggregate.

        Args:
            x: (B, L, C): other tokens first, such as a class token, which
                pass unchanged, then those of the G groups.
            neighbours: Nearest groups of each group, (B, G, k).

        Returns:
            (B, L, C).
        """
        others, own = x.split(
            [x.shape[1] - neighbours.shape[1], neighbours.shape[1]], dim=1
        )
        near = gather_points(own, neighbours)  # (B, G, k, C)
        own = own.unsqueeze(2)
        difference = near - own
        over = None if self.batch_std else (1, 2, 3)
        # In fp32 also under autocast: a sum over thousands of squares.
        std = difference.float().std(dim=over, keepdim=True) + 1e-5
        difference = (difference / std).to(x.dtype)
        features = torch.cat((difference, own.expand_as(near)), dim=-1)
        features = features * self.scale + self.shift
        # mean(f * exp(f)) / mean(exp(f)), without overflow.
        pooled = (features * features.softmax(2)).sum(2)
        pooled = self.act(self.proj(self.norm(pooled)))
        return torch.cat((others.to(pooled.dtype), pooled), dim=1)
