"""Norms of feature maps."""

from torch import Tensor, nn
from torch.nn import functional as F


class LayerNorm2d(nn.LayerNorm):
    """LayerNorm over the channels of (B, C, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, h, w), contiguous.

        mmcv's RoIAlign assumes a contiguous input and silently reads wrong
        values from a channels-last one.
        """
        x = F.layer_norm(
            x.movedim(1, -1),
            self.normalized_shape,
            self.weight,
            self.bias,
            self.eps,
        )
        return x.movedim(-1, 1).contiguous()
