"""Linear prediction of the points of hidden groups.

Letters: B batch, G groups, S points of a group, C channels of the decoder.
"""

from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ...ops import chamfer_distance
from ...ops.points.chamfer import NORMS
from ..layers.checks import check_choice
from .checks import check_sizes


@MODELS.register_module()
class ChamferHead(BaseModule):
    """Predict the points of each group, relative to its centre.

    Args:
        in_channels: C.
        group_size: S.
        norm: Norm of the Chamfer distance, ``'l2'`` (published) or ``'l1'``.

    Raises:
        InputError: An unknown ``norm``.
    """

    def __init__(
        self, in_channels: int, group_size: int = 32, norm: str = 'l2'
    ) -> None:
        super().__init__()
        check_choice('norm', norm, NORMS)
        self.group_size = group_size
        self.norm = norm
        self.pred = nn.Linear(in_channels, 3 * group_size)

    def forward(self, features: Tensor) -> Tensor:
        """(..., C) -> (..., S, 3)."""
        return self.pred(features).unflatten(-1, (self.group_size, 3))

    def loss(self, features: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Mean Chamfer distance of the hidden groups.

        Args:
            features: (B, G, C).
            target: (B, G, S, 3).
            mask: (B, G) bool, True where a group was hidden.

        Returns:
            A scalar.

        Raises:
            InputError: Features or target do not fit this head's sizes.
        """
        check_sizes(
            features,
            target,
            self.pred.in_features,
            (self.group_size, 3),
            'give backbone and head one group_size',
        )
        # In fp32 also under autocast.
        guess = self(features[mask]).float()
        return chamfer_distance(guess, target[mask].float(), self.norm)
