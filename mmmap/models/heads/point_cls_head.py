"""Classification of point clouds.

Letters: B batch, D pooled channels.
"""

from mmpretrain.models import ClsHead
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError

HIDDEN = 256


@MODELS.register_module()
class PointClsHead(ClsHead):
    """Three linear layers with batch norm, ReLU and dropout between them.

    Source: the head of Point-MAE (Pang et al., arXiv 2203.06604), also used by
    Mamba3D and MAP.

    Args:
        num_classes: Number of classes.
        in_channels: D.
        dropout: Rate after both hidden layers.
        **kwargs: See mmpretrain's ``ClsHead``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        dropout: float = 0.5,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.layers = nn.Sequential(
            nn.Linear(in_channels, HIDDEN),
            nn.BatchNorm1d(HIDDEN),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(HIDDEN, HIDDEN),
            nn.BatchNorm1d(HIDDEN),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(HIDDEN, num_classes),
        )
        for module in self.layers:
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """The last of the features, (B, D) -> logits (B, classes).

        Raises:
            InputError: The features have another shape.
        """
        pooled = self.pre_logits(feats)
        if pooled.dim() != 2 or pooled.shape[1] != self.in_channels:
            raise InputError(
                f'the head takes (B, {self.in_channels}), the backbone gives '
                f'{tuple(pooled.shape)}: set head.in_channels, and '
                "backbone.out_type='pooled'"
            )
        return self.layers(pooled)

    def loss(
        self, feats: tuple[Tensor, ...], data_samples: list, **kwargs
    ) -> dict[str, Tensor]:
        """The loss of a batch.

        Raises:
            InputError: A label is out of range.
        """
        labels = [int(sample.gt_label) for sample in data_samples]
        if not 0 <= min(labels) <= max(labels) < self.num_classes:
            raise InputError(
                f'a sample has label {max(labels, key=abs)}, the head has '
                f'{self.num_classes} classes: set head.num_classes'
            )
        return super().loss(feats, data_samples, **kwargs)
