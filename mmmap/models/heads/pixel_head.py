"""Linear prediction of patches with a mean squared error.

Letters: B batch, L tokens, E channels of the decoder, P patch edge in pixels.
"""

from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .checks import ONE_PATCH, check_sizes


@MODELS.register_module()
class PixelHead(BaseModule):
    """Predict the pixels of each patch.

    Args:
        in_channels: E.
        patch_size: P.
        out_channels: Channels of the image.
    """

    def __init__(
        self, in_channels: int, patch_size: int = 16, out_channels: int = 3
    ) -> None:
        super().__init__()
        self.pred = nn.Linear(in_channels, patch_size**2 * out_channels)
        nn.init.xavier_uniform_(self.pred.weight)
        nn.init.zeros_(self.pred.bias)

    def forward(self, features: Tensor) -> Tensor:
        """(B, L, E) -> (B, L, P*P*3)."""
        return self.pred(features)

    def loss(self, features: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Mean squared error over the hidden patches.

        Args:
            features: (B, L, E).
            target: (B, L, P*P*3).
            mask: (B, L) bool, True where a patch was hidden.

        Returns:
            A scalar.

        Raises:
            InputError: Features or target do not fit this head's sizes.
        """
        check_sizes(
            features,
            target,
            self.pred.in_features,
            (self.pred.out_features,),
            ONE_PATCH,
        )
        # In fp32 also under autocast: mean over pixels, then over patches.
        error = (self(features).float() - target).square().mean(-1)  # (B, L)
        return (error * mask).sum() / mask.sum()
