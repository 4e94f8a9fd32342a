"""The feature pyramid of ViTDet.

Letters: B batch, C channels.
"""

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import InputError
from ..layers import LayerNorm2d
from .rescale import rescale, scales_of


@MODELS.register_module()
class SimpleFeaturePyramid(BaseModule):
    """Maps of several strides, all from the last map of a plain backbone.

    Source: Li et al., "Exploring Plain Vision Transformer Backbones for
    Object Detection" (arXiv 2203.16527).

    Args:
        in_channels: Channels of the backbone's map.
        out_channels: Channels of every level.
        stride: Stride of the backbone's map.
        out_strides: Strides of the levels, from ``stride`` / 4 to
            ``stride`` * 2.
        num_outs: Total number of levels; each one beyond ``out_strides``
            subsamples the coarsest by 2.
        init_cfg: mmengine's.

    Raises:
        InputError: A stride outside that range, or fewer ``num_outs`` than
            ``out_strides``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 256,
        stride: int = 16,
        out_strides: Sequence[int] = (4, 8, 16, 32),
        num_outs: int = 5,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if num_outs < len(out_strides):
            raise InputError(
                f'num_outs={num_outs} is less than the {len(out_strides)} '
                'out_strides'
            )
        self.num_outs = num_outs
        self.levels = nn.ModuleList(
            self._level(in_channels, out_channels, scale)
            for scale in scales_of(stride, tuple(out_strides))
        )

    @staticmethod
    def _level(in_channels: int, out_channels: int, scale: float):
        resize, dims = rescale(in_channels, scale, halve=True)
        return nn.Sequential(
            resize,
            nn.Conv2d(dims, out_channels, 1, bias=False),
            LayerNorm2d(out_channels),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            LayerNorm2d(out_channels),
        )

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The last of the maps (B, C, h, w) -> ``num_outs`` maps."""
        outs = [level(features[-1]) for level in self.levels]
        while len(outs) < self.num_outs:
            outs.append(F.max_pool2d(outs[-1], 1, stride=2))
        return tuple(outs)
