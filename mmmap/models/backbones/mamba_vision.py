"""MambaVision: convolutions first, then Mamba and attention in windows.

Letters: B batch, C channels of a stage, H W pixels, h w rows and columns of
a map, L = h*w tokens of the last map, V visible units.

Source: Hatamizadeh and Kautz, "MambaVision: A Hybrid Mamba-Transformer Vision
Backbone" (CVPR 2025, arXiv 2407.08083). MAP on it is our own design.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from ..layers import (
    Attention,
    ConvBlock,
    ConvStem,
    Downsample,
    LayerNorm2d,
    MambaVisionMixer,
    MixerBlock,
    SelectiveSSM,
    from_windows,
    run_block,
    to_windows,
)
from ..layers.checks import check_choice, check_count
from ..masking.base import gather_tokens
from .base import Backbone
from .mamba_vision_arch import ARCH_ZOO, CONV_STAGES, STAGES, settings_of

OUT_TYPES = ('raw', 'featmap', 'avg_featmap')
STEM_STRIDE = 4
# Stride of the last map; a unit of masking is one of its tokens.
STRIDE = 32


@MODELS.register_module()
class MambaVision(Backbone):
    """Four stages at strides 4, 8, 16 and 32, their widths doubling.

    The first two stages are residual convolutions. The last two work in
    windows, with Mamba mixers in their first half and attention in their
    second. Images may have any size: odd maps are rounded up, windows padded.

    Args:
        arch: ``'tiny'``, ``'tiny2'``, ``'small'``, ``'base'``, ``'large'``,
            ``'large2'`` (or ``'t'``, ``'t2'``, ``'s'``, ``'b'``, ``'l'``,
            ``'l2'``), or a dict with

            - ``embed_dims``: channels of the first stage,
            - ``stem_dims``: channels inside the stem,
            - ``depths``: blocks of each of the four stages,
            - ``num_heads``, ``window_sizes``: of the last two stages,

            and optionally ``mlp_ratio`` (4.0) and ``layer_scale`` (None: no
            learned scales of the branches).
        in_channels: Channels of the image.
        out_indices: Stages whose outputs are returned, from 0, before the
            map is halved for the next one; negative ones count from the end.
            Stages after the last index are not built.
        out_type: What is returned for each of ``out_indices``:

            - ``'featmap'``: (B, C, h, w), normalised,
            - ``'raw'``: tokens (B, h*w, C), normalised, for pretraining,
            - ``'avg_featmap'``: (B, C), the mean of the normalised map.
        drop_path_rate: Stochastic depth of the last block; it rises linearly
            from 0 at the first block.
        frozen_stages: Freeze the stem and this many stages; -1 freezes
            nothing, 0 only the stem, 4 also the norms of the outputs.
        norm_eval: Keep the running statistics of all batch norms fixed, for
            training with small batches.
        with_cp: Recompute each block in backward to save memory.
        init_cfg: mmengine's; ``dict(type='Pretrained', checkpoint=...,
            prefix='backbone.')`` must fit, or raises.

    Raises:
        InputError: An unknown arch or out_type, or an unknown stage.
    """

    embedding = ('stem', 'mask_token')
    optional = ('mask_token',)
    # Windows are not among them: other image sizes may need other windows.
    implicit_settings: ClassVar[dict[str, str]] = {
        'arch.num_heads': 'initialising',
    }
    arch_zoo: ClassVar[dict[str, dict]] = ARCH_ZOO

    def __init__(
        self,
        arch: str | dict = 'base',
        in_channels: int = 3,
        out_indices: int | Sequence[int] = -1,
        out_type: str = 'featmap',
        drop_path_rate: float = 0.0,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('out_type', out_type, OUT_TYPES)
        check_count('in_channels', in_channels)
        self._set_outputs(STAGES, out_indices, frozen_stages, 'stages')
        settings = settings_of(arch)
        self.settings = dict(arch=arch)
        self.depths = tuple(settings['depths'])
        self.widths = tuple(
            settings['embed_dims'] * 2**i for i in range(STAGES)
        )
        self.out_type = out_type
        self.norm_eval = norm_eval
        self.with_cp = with_cp

        self.stem = ConvStem(
            in_channels, settings['stem_dims'], self.widths[0]
        )
        built = self.out_indices[-1] + 1
        self.stages = nn.ModuleList(
            _stage(index, settings, rates)
            for index, rates in enumerate(
                _drop_rates(self.depths, drop_path_rate)[:built]
            )
        )
        self.downsamples = nn.ModuleList(
            Downsample(width, 2 * width) for width in self.widths[: built - 1]
        )
        # The others are not batch norms: detectors have small batches.
        self._add_norms(
            lambda: nn.BatchNorm2d(self.widths[-1]),
            lambda index: LayerNorm2d(self.widths[index]),
        )
        # Only pretraining hides anything.
        self.mask_token = None
        if out_type == 'raw':
            self.mask_token = nn.Parameter(torch.zeros(self.widths[0]))
        self._own_init()
        self._freeze()

    settings_of = staticmethod(settings_of)

    @property
    def patch_size(self) -> int:
        """Edge of a unit of masking in pixels, 32: a token of the last map."""
        return STRIDE

    def grid(self, images: Tensor) -> tuple[int, int]:
        """Rows and columns of the last map of images (B, 3, H, W)."""
        H, W = images.shape[-2:]
        return -(-H // STRIDE), -(-W // STRIDE)

    def forward(
        self, images: Tensor, keep: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Encode images.

        Args:
            images: (B, 3, H, W), any size.
            keep: Indices of the units of 32 x 32 pixels to encode, (B, V),
                ascending in raster order; needs ``out_type='raw'`` and only
                the last stage in ``out_indices``.

        Returns:
            One tensor for each of ``out_indices``, see ``out_type``; with
            ``keep`` the tokens of these units, (B, V, C).

        Raises:
            InputError: ``keep`` with other settings than those.
        """
        if keep is not None:
            self._check_keep(keep)
        maps = self.stage_maps(images, keep)
        outs = tuple(self._output(i, maps[i]) for i in self.out_indices)
        if keep is not None:
            outs = tuple(gather_tokens(out, keep) for out in outs)
        return outs

    def stage_maps(
        self, images: Tensor, keep: Tensor | None = None
    ) -> list[Tensor]:
        """The map (B, C, h, w) after each stage, without a norm.

        Args:
            images: (B, 3, H, W).
            keep: As in ``forward``.
        """
        visible = None if keep is None else self._visible(images, keep)
        if visible is not None:
            # The stem's convolutions see across the edges of units.
            images = images * _enlarged(visible, STRIDE, images)
        x = self.stem(images)
        if visible is not None:
            shown = _enlarged(visible, STRIDE // STEM_STRIDE, x)
            token = self.mask_token.to(x.dtype)[:, None, None]
            x = torch.where(shown, x, token)
        maps = []
        for index, stage in enumerate(self.stages):
            if index:
                x = self.downsamples[index - 1](x)
            x = stage(x, self.with_cp)
            maps.append(x)
        return maps

    def _visible(self, images: Tensor, keep: Tensor) -> Tensor:
        """Which units are kept, (B, 1, h, w) bool."""
        h, w = self.grid(images)
        visible = keep.new_zeros(len(images), h * w, dtype=torch.bool)
        return visible.scatter(1, keep, True).view(-1, 1, h, w)

    def _check_keep(self, keep: Tensor) -> None:
        super()._check_keep(keep)
        if self.out_indices != (STAGES - 1,):
            raise InputError(
                'units of 32 pixels are tokens of the last stage: encoding a '
                'part of them needs out_indices=-1, this backbone has '
                f'{self.out_indices}'
            )

    def _output(self, index: int, x: Tensor) -> Tensor:
        x = self._norm_of(index)(x)
        if self.out_type == 'avg_featmap':
            return x.mean((2, 3))
        if self.out_type == 'raw':
            return x.flatten(2).transpose(1, 2)
        return x.contiguous()

    def _num_blocks(self) -> int:
        return sum(self.depths)

    def _block_of(self, part: str, place: list[str]) -> int | None:
        """Through all stages; downsampling counts with the block after it."""
        if part == 'stages':
            return sum(self.depths[: int(place[0])]) + int(place[2])
        if part == 'downsamples':
            return sum(self.depths[: int(place[0]) + 1])
        return None

    def _is_beyond(self, key: str) -> bool:
        part, *place = key.split('.')
        built = len(self.stages)
        if part == 'stages':
            return built <= int(place[0]) < STAGES
        return part == 'downsamples' and (
            built - 1 <= int(place[0]) < STAGES - 1
        )

    def _own_init(self) -> None:
        # The state space keeps Mamba's own init.
        kept = {
            linear
            for ssm in self.modules()
            if isinstance(ssm, SelectiveSSM)
            for linear in ssm.modules()
        }
        for module in self.modules():
            if isinstance(module, nn.Linear) and module not in kept:
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if self.mask_token is not None:
            nn.init.normal_(self.mask_token, std=0.02)

    def _stages(self, count: int) -> list[nn.Module]:
        between = self.downsamples[: max(count - 1, 0)]
        return [*self.stages[:count], *between]

    def train(self, mode: bool = True) -> 'MambaVision':
        """Set the mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self


class _Stage(nn.Module):
    """Blocks on a map (B, C, h, w), in windows where these have a size."""

    def __init__(self, blocks: list[nn.Module], window: int | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.window = window

    def forward(self, x: Tensor, with_cp: bool) -> Tensor:
        shape = x.shape[-2:]
        if self.window:
            x = to_windows(x, self.window)
        for block in self.blocks:
            x = run_block(block, x, with_cp=with_cp)
        return from_windows(x, self.window, shape) if self.window else x


def _stage(index: int, settings: dict, rates: list[float]) -> _Stage:
    dims = settings['embed_dims'] * 2**index
    if index < CONV_STAGES:
        return _Stage([ConvBlock(dims, rate) for rate in rates], None)
    heads = settings['num_heads'][index - CONV_STAGES]
    mixers = -(-len(rates) // 2)
    blocks = [
        MixerBlock(
            MambaVisionMixer(dims) if i < mixers else Attention(dims, heads),
            dims,
            settings['mlp_ratio'],
            rate,
            settings['layer_scale'],
        )
        for i, rate in enumerate(rates)
    ]
    return _Stage(blocks, settings['window_sizes'][index - CONV_STAGES])


def _drop_rates(depths: tuple[int, ...], last: float) -> list[list[float]]:
    """The rate of each block of each stage, rising linearly through all."""
    steps = max(sum(depths) - 1, 1)
    firsts = [sum(depths[:i]) for i in range(len(depths))]
    return [
        [last * (first + i) / steps for i in range(depth)]
        for first, depth in zip(firsts, depths)
    ]


def _enlarged(units: Tensor, times: int, x: Tensor) -> Tensor:
    """Units (B, 1, h, w), each repeated over its square, on the map x."""
    units = units.repeat_interleave(times, 2).repeat_interleave(times, 3)
    return units[..., : x.shape[2], : x.shape[3]]
