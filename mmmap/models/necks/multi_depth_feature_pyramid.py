"""A pyramid from several depths of a plain backbone.

Letters: B batch, C channels.
"""

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from .rescale import rescale, scales_of


@MODELS.register_module()
class MultiDepthFeaturePyramid(BaseModule):
    """Rescale maps of one stride, from increasing depths, to a pyramid.

    This is how UPerNet uses a plain backbone; all levels have C channels.
    Source: Bao et al., BEiT (arXiv 2106.08254).

    Args:
        in_channels: Channels of the backbone's maps, C.
        stride: Their stride.
        out_strides: Stride of each level, from ``stride`` / 4 to
            ``stride`` * 2.
        init_cfg: mmengine's.

    Raises:
        InputError: A stride outside that range.
    """

    def __init__(
        self,
        in_channels: int,
        stride: int = 16,
        out_strides: Sequence[int] = (4, 8, 16, 32),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.levels = nn.ModuleList(
            rescale(in_channels, scale, halve=False)[0]
            for scale in scales_of(stride, tuple(out_strides))
        )

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """One map (B, C, h, w) per level -> maps of C channels.

        Raises:
            InputError: The number of maps is not that of the levels.
        """
        if len(features) != len(self.levels):
            raise InputError(
                f'{len(self.levels)} levels need as many feature maps, got '
                f"{len(features)}; set the backbone's out_indices"
            )
        return tuple(
            # Heads may apply RoIAlign, see LayerNorm2d.
            level(x).contiguous()
            for level, x in zip(self.levels, features, strict=True)
        )
