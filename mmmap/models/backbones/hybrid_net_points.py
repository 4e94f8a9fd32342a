"""HybridNet on point clouds.

Letters: B batch, N points, G groups, S points of a group, V visible groups, L
tokens (V or G, and a class token), C embedding channels, k neighbours.

Source: Liu and Yi, MAP (CVPR 2025), whose part on points follows Mamba3D (Han
et al., arXiv 2404.14966).
"""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ...ops import knn
from ..layers import BidirectionalMamba, ViTBlock, run_block
from ..layers.checks import check_choice, check_count
from ..layers.points import (
    GroupEmbed,
    PointBlock,
    PointGroups,
    group_points,
    position_mlp,
)
from ..layers.points.embed import ORDERS
from ..masking import Layout
from .base import Encoder
from .hybrid_arch import arch_settings, drop_rates, hybrid_size

OUT_TYPES = ('raw', 'pooled')


@MODELS.register_module()
class HybridNetPoints(Encoder):
    """Groups of points as tokens, through Mamba and attention blocks.

    Args:
        arch: ``'small'`` (the published size), ``'tiny'`` (half as wide), or
            a dict as in ``HybridNet``; here ``num_heads`` defaults to 6 and
            ``mlp_ratio`` to 4.0.
        num_groups: G, at most the points of a cloud.
        group_size: S.
        num_neighbours: k of the local aggregation, including the group
            itself; with fewer visible groups, all of them.
        order: Order of the tokens: ``'fps'`` as their centres are sampled,
            ``'hilbert'`` or ``'morton'`` along that curve.
        with_cls_token: Whether to prepend a learned token.
        out_indices: Blocks whose outputs are returned, from 0; negative ones
            count from the end. Blocks after the last index are not built.
        out_type: What is returned for each of ``out_indices``:

            - ``'raw'``: tokens (B, L, C), the class token first, normalised,
            - ``'pooled'``: the sum of maximum and mean of the normalised
              tokens of groups, (B, C); after the class token, if there is
              one, (B, 2C).
        drop_path_rate: Stochastic depth of the last block; it rises linearly
            from 0 at the first block.
        batch_std: Divide in the local aggregation by the standard deviation
            of the whole batch, as published.
        first_sample_mean: Pool every sample with the mean of the first one,
            as published.
        frozen_stages: Freeze the embedding and this many blocks; -1 freezes
            nothing, 0 only the embedding, the full depth also the norms.
        with_cp: Recompute each block in backward to save memory.
        init_cfg: mmengine's; ``dict(type='Pretrained', checkpoint=...,
            prefix='backbone.')`` must fit, or raises. A class token may be
            missing from the checkpoint, or unused.

    Raises:
        ValueError: An unknown arch, order or out_type, a count below 1, or
            an index beyond the depth.
    """

    embedding = ('embed', 'position', 'cls_token', 'cls_position')
    optional = ('cls_',)
    implicit_settings: ClassVar[dict[str, str]] = {
        'arch.num_heads': 'initialising',
        'order': 'testing',
    }
    arch_zoo: ClassVar[dict[str, dict]] = {
        **dict.fromkeys(['t', 'tiny'], hybrid_size(192, 12)),
        **dict.fromkeys(['s', 'small'], hybrid_size(384, 12)),
    }

    def __init__(
        self,
        arch: str | dict = 'small',
        num_groups: int = 64,
        group_size: int = 32,
        num_neighbours: int = 4,
        order: str = 'fps',
        with_cls_token: bool = False,
        out_indices: int | Sequence[int] = -1,
        out_type: str = 'raw',
        drop_path_rate: float = 0.0,
        batch_std: bool = False,
        first_sample_mean: bool = False,
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('out_type', out_type, OUT_TYPES)
        check_choice('order', order, ORDERS)
        check_count('num_groups', num_groups)
        check_count('group_size', group_size)
        check_count('num_neighbours', num_neighbours)
        settings = self.settings_of(arch)
        self.settings = dict(arch=arch)
        self.pattern = settings['pattern']
        depth = len(self.pattern)
        self._set_outputs(depth, out_indices, frozen_stages)
        self.embed_dims = settings['embed_dims']
        self.num_groups = num_groups
        self.group_size = group_size
        self.num_neighbours = num_neighbours
        self.order = order
        self.out_type = out_type
        self.first_sample_mean = first_sample_mean
        self.with_cp = with_cp

        self.embed = GroupEmbed(self.embed_dims)
        self.position = position_mlp(self.embed_dims, nn.SiLU)
        self.cls_token = self.cls_position = None
        if with_cls_token:
            shape = (1, 1, self.embed_dims)
            self.cls_token = nn.Parameter(torch.zeros(shape))
            self.cls_position = nn.Parameter(torch.zeros(shape))
        rates = drop_rates(drop_path_rate, depth)
        built = self.out_indices[-1] + 1
        self.layers = nn.ModuleList(
            _block(kind, settings, rate, batch_std)
            for kind, rate in list(zip(self.pattern, rates))[:built]
        )
        norm = partial(nn.LayerNorm, self.embed_dims)
        self._add_norms(norm, lambda index: norm())
        self._own_init()
        self._freeze()

    @classmethod
    def settings_of(cls, arch: str | dict) -> dict:
        """An arch, given by name or as a dict, with all keys."""
        return arch_settings(arch, cls.arch_zoo, num_heads=6, mlp_ratio=4.0)

    @property
    def out_channels(self) -> int:
        """Channels of an output: C, or 2C pooled with a class token."""
        both = self.out_type == 'pooled' and self.cls_token is not None
        return self.embed_dims * (2 if both else 1)

    def units(self, inputs: Tensor) -> PointGroups:
        """The groups of clouds (B, N, 3), in the order of the tokens.

        Raises:
            ValueError: Not clouds, coordinates that are not finite, or fewer
                points than groups or than a group has.
        """
        return group_points(
            inputs, self.num_groups, self.group_size, self.order
        )

    def layout(self, units: PointGroups) -> Layout:
        """Tokens in one row, each at the centre of its group."""
        batch, length, _ = units.centers.shape
        device = units.centers.device
        return Layout((1, length), batch, device, units.centers)

    def forward(
        self, points: Tensor | PointGroups, keep: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Encode clouds.

        Groups that are not kept are ignored, also by the statistics of batch
        norms.

        Args:
            points: (B, N, 3), or their groups.
            keep: Indices of the groups to encode, (B, V), ascending; needs
                ``out_type='raw'``.

        Returns:
            One tensor for each of ``out_indices``, see ``out_type``.
        """
        grouped = isinstance(points, PointGroups)
        groups = points if grouped else self.units(points)
        if keep is not None:
            self._check_keep(keep)
            groups = groups.gather(keep)
        x = self.embed(groups.offsets)
        position = self.position(groups.centers)
        k = min(self.num_neighbours, groups.centers.shape[1])
        neighbours = knn(groups.centers, groups.centers, k)
        if self.cls_token is not None:
            first = (len(x), 1, -1)
            x = torch.cat((self.cls_token.expand(first), x), dim=1)
            own = self.cls_position.expand(first)
            position = torch.cat((own, position), dim=1)
        outs = []
        for index, layer in enumerate(self.layers):
            inputs = x, position, neighbours
            x = run_block(layer, *inputs, with_cp=self.with_cp)
            if index in self.out_indices:
                outs.append(self._output(index, x))
        return tuple(outs)

    def pool(self, tokens: Tensor) -> Tensor:
        """Normalised tokens (B, L, C) -> (B, C), or (B, 2C)."""
        groups = tokens if self.cls_token is None else tokens[:, 1:]
        mean = groups.mean(1)
        if self.first_sample_mean:
            mean = mean[:1]
        pooled = groups.amax(1) + mean
        if self.cls_token is None:
            return pooled
        return torch.cat((tokens[:, 0], pooled), dim=1)

    def _output(self, index: int, x: Tensor) -> Tensor:
        tokens = self._norm_of(index)(x)
        return tokens if self.out_type == 'raw' else self.pool(tokens)

    def _own_init(self) -> None:
        for layer in self.layers:
            # The Mamba mixer keeps its own init.
            parts = [layer.local]
            if isinstance(layer.mixer, BidirectionalMamba):
                with torch.no_grad():
                    # Outputs that are summed start smaller.
                    layer.mixer.out_proj.weight /= len(self.pattern) ** 0.5
            else:
                parts.append(layer.mixer)
            for module in (m for part in parts for m in part.modules()):
                if isinstance(module, nn.Linear):
                    nn.init.trunc_normal_(module.weight, std=0.02)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
        if self.cls_token is not None:
            nn.init.trunc_normal_(self.cls_token, std=0.02)
            nn.init.trunc_normal_(self.cls_position, std=0.02)


def _block(
    kind: str, settings: dict, drop_path: float, batch_std: bool
) -> PointBlock:
    dims = settings['embed_dims']
    if kind == 'M':
        mixer = BidirectionalMamba(
            dims,
            settings['d_state'],
            settings['d_conv'],
            settings['expand'],
            reverse='channels',
        )
    else:
        mixer = ViTBlock(
            dims,
            settings['num_heads'],
            settings['mlp_ratio'],
            drop_path,
            qkv_bias=False,
        )
    return PointBlock(mixer, dims, drop_path, batch_std)
