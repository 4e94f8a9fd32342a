"""Segmentation of shapes into parts.

Letters: B batch, N points, G groups, C channels, K parts.
"""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import InputError
from ..layers.points import interpolate_features


@MODELS.register_module()
class PointPartHead(BaseModule):
    """Predict the part of each point from tokens of several depths.

    Tokens are interpolated to the points and concatenated with the points'
    coordinates and with global features: maximum and mean of all tokens, and
    the category, which is given.

    Source: the design of PointNet++ (Qi et al., arXiv 1706.02413) and
    Point-MAE (Pang et al., arXiv 2203.06604) for ShapeNetPart.

    Args:
        num_parts: K, of all categories together.
        num_categories: Number of categories.
        in_channels: C.
        num_depths: Number of outputs of the backbone.
        channels: Channels of both hidden layers.
        dropout: Rate before the last layer.
    """

    def __init__(
        self,
        num_parts: int,
        num_categories: int,
        in_channels: int,
        num_depths: int = 3,
        channels: tuple[int, int] = (512, 256),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.num_parts = num_parts
        self.num_categories = num_categories
        self.in_channels = num_depths * in_channels
        first, second = channels
        self.category = nn.Sequential(
            nn.Linear(num_categories, 64), nn.LeakyReLU(0.2)
        )
        self.of_point = nn.Sequential(
            nn.Conv1d(self.in_channels + 3, first, 1),
            nn.BatchNorm1d(first),
            nn.ReLU(),
            nn.Conv1d(first, first, 1),
        )
        self.of_whole = nn.Linear(2 * self.in_channels + 64, first, bias=False)
        self.layers = nn.Sequential(
            nn.BatchNorm1d(first),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(first, second, 1),
            nn.BatchNorm1d(second),
            nn.ReLU(),
            nn.Conv1d(second, num_parts, 1),
        )

    def forward(
        self,
        points: Tensor,
        centers: Tensor,
        feats: Sequence[Tensor],
        category: Tensor,
    ) -> Tensor:
        """Scores of the parts.

        Args:
            points: (B, N, 3).
            centers: Centres of the groups, (B, G, 3).
            feats: Tokens of the groups at each depth, (B, G, C).
            category: (B,).

        Returns:
            (B, K, N).

        Raises:
            InputError: Tokens of another shape, or a category out of range.
        """
        tokens = torch.cat(tuple(feats), dim=-1)
        if tokens.shape[:2] != centers.shape[:2] or (
            tokens.shape[2] != self.in_channels
        ):
            raise InputError(
                f'the head takes tokens ({len(centers)}, {centers.shape[1]}, '
                f'{self.in_channels}) of all depths, the backbone gives '
                f'{tuple(tokens.shape)}: set head.in_channels and num_depths, '
                "backbone.out_type='raw' and with_cls_token=False"
            )
        if category.max() >= self.num_categories:
            raise InputError(
                f'category {category.max().item()} of a sample is beyond the '
                f'{self.num_categories} of the head: set num_categories'
            )
        known = F.one_hot(category, self.num_categories).to(tokens.dtype)
        whole = (tokens.amax(1), tokens.mean(1), self.category(known))
        carried = interpolate_features(points, centers, tokens)
        each = torch.cat((carried, points), dim=-1).mT
        x = self.of_point(each) + self.of_whole(torch.cat(whole, 1))[..., None]
        return self.layers(x)

    def loss(self, scores: Tensor, parts: Tensor) -> Tensor:
        """Mean cross entropy of scores (B, K, N), given parts (B, N).

        Raises:
            InputError: A part is out of range.
        """
        if parts.max() >= self.num_parts or parts.min() < 0:
            raise InputError(
                f'parts {parts.min().item()} to {parts.max().item()} are '
                f'annotated, the head has {self.num_parts}: set num_parts'
            )
        return F.cross_entropy(scores.float(), parts)
