"""HybridNet: a plain backbone of Mamba and attention blocks.

Letters: B batch, L tokens, C embedding channels, P patch edge in pixels,
H W pixels, h w token grid.

Source: Liu and Yi, "MAP: Unleashing Hybrid Mamba-Transformer Vision
Backbone's Potential with Masked Autoregressive Pretraining" (CVPR 2025).
"""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from ..layers import (
    BidirectionalMamba,
    MambaBlock,
    PatchEmbed,
    PositionEmbedding,
    PublishedAttentionBlock,
    ResidualAttentionBlock,
    run_block,
)
from ..layers.checks import check_choice, check_count
from ..masking.base import gather_tokens
from .base import Backbone
from .hybrid_arch import arch_settings, drop_rates, hybrid_size

ATTENTION_BLOCKS = {
    'published': PublishedAttentionBlock,
    'residual': ResidualAttentionBlock,
}
OUT_TYPES = ('raw', 'featmap', 'avg_featmap')


@MODELS.register_module()
class HybridNet(Backbone):
    """Mamba blocks with an attention block after every few of them.

    Args:
        arch: ``'tiny'``, ``'small'``, ``'base'``, ``'large'``, ``'huge'``
            (or their first letters), or a dict with ``embed_dims`` and

            - ``mamba_depth``, the number of Mamba blocks, and
              ``attention_every``: an attention block follows every so many
              Mamba blocks; or
            - ``pattern``: the blocks in order, ``'M'`` Mamba, ``'T'``
              attention, for example ``'MMMT' * 8``;

            and optionally ``num_heads`` (12), ``mlp_ratio`` (2.0),
            ``d_state`` (16), ``d_conv`` (4), ``expand`` (2).
        img_size: Edge, or (H, W), for which position embeddings are built;
            for other sizes they are resampled.
        patch_size: P.
        in_channels: Channels of the image.
        out_indices: Blocks whose outputs are returned, from 0; negative ones
            count from the end. Blocks after the last index are not built.
        out_type: What is returned for each of ``out_indices``:

            - ``'featmap'``: (B, C, h, w), normalised,
            - ``'raw'``: tokens (B, L, C), normalised,
            - ``'avg_featmap'``: (B, C), the normalised mean of the tokens.
        drop_path_rate: Stochastic depth of the last block; it rises linearly
            from 0 at the first block.
        attention: ``'published'`` places attention as the published code
            does (needed for its weights), ``'residual'`` on the residual
            stream (in a short pretraining on small photographs, MAP gained
            5.5 +- 1.2 points instead of 3.3 +- 1.1, two seeds).
        window_size: Edge, in tokens, of the attention windows, for large
            images; None means global attention. It changes no weights, so
            it can be set on a network that was pretrained without it.
        global_blocks: Attention blocks that use global attention despite
            ``window_size``, counted as in ``out_indices``.
        pos_embed: Initial position embeddings: ``'normal'``, small noise as
            published, or ``'sincos'``, which speeds up short pretraining (loss
            after 15 epochs of small photographs 0.549 instead of 0.588). They
            are trained in both cases.
        published_init: Init every Linear as the published code does (Xavier
            and zeros), which undoes Mamba's init of the step size.
        frozen_stages: Freeze the embedding and this many blocks; -1 freezes
            nothing, 0 only the embedding, the full depth also the norms.
        with_cp: Recompute each block in backward to save memory.
        init_cfg: mmengine's; ``dict(type='Pretrained', checkpoint=...,
            prefix='backbone.')`` must fit, or raises.

    Raises:
        InputError: An unknown arch, pattern letter, out_type, attention or
            pos_embed, or an index beyond the depth.
    """

    embedding = ('patch_embed', 'pos_embed')
    resized = ('pos_embed.weight',)
    implicit_settings: ClassVar[dict[str, str]] = {
        'attention': 'initialising',
        'arch.num_heads': 'initialising',
    }
    arch_zoo: ClassVar[dict[str, dict]] = {
        **dict.fromkeys(['t', 'tiny'], hybrid_size(192, 24)),
        **dict.fromkeys(['s', 'small'], hybrid_size(384, 24)),
        **dict.fromkeys(['b', 'base'], hybrid_size(768, 24)),
        # 12 heads, as published, do not divide 1024 channels.
        **dict.fromkeys(['l', 'large'], hybrid_size(1024, 48, num_heads=16)),
        **dict.fromkeys(['h', 'huge'], hybrid_size(1536, 36)),
    }

    def __init__(
        self,
        arch: str | dict = 'base',
        img_size: int | tuple[int, int] = 224,
        patch_size: int = 16,
        in_channels: int = 3,
        out_indices: int | Sequence[int] = -1,
        out_type: str = 'featmap',
        drop_path_rate: float = 0.0,
        attention: str = 'published',
        window_size: int | None = None,
        global_blocks: int | Sequence[int] = (),
        pos_embed: str = 'normal',
        published_init: bool = False,
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('out_type', out_type, OUT_TYPES)
        check_choice('attention', attention, ATTENTION_BLOCKS)
        settings = self.settings_of(arch)
        self.settings = dict(arch=arch, attention=attention)
        check_count('patch_size', patch_size)
        check_count('in_channels', in_channels)
        pattern = settings['pattern']
        self.pattern = pattern
        self.embed_dims = settings['embed_dims']
        self._set_outputs(len(pattern), out_indices, frozen_stages)
        self.windowed = _windowed(pattern, window_size, global_blocks)
        self.out_type = out_type
        self.published_init = published_init
        self.with_cp = with_cp

        img_size = (
            (img_size, img_size) if isinstance(img_size, int) else img_size
        )
        self.patch_embed = PatchEmbed(self.embed_dims, patch_size, in_channels)
        self.pos_embed = PositionEmbedding(
            self.embed_dims,
            (-(-img_size[0] // patch_size), -(-img_size[1] // patch_size)),
            pos_embed,
        )
        rates = drop_rates(drop_path_rate, len(pattern))
        built = self.out_indices[-1] + 1
        self.layers = nn.ModuleList(
            _block(
                pattern[index],
                settings,
                attention,
                rates[index],
                window_size if index in self.windowed else None,
            )
            for index in range(built)
        )
        norm = partial(nn.RMSNorm, self.embed_dims, eps=1e-5)
        self._add_norms(norm, lambda index: norm())
        self._own_init()
        self._freeze()

    @classmethod
    def settings_of(cls, arch: str | dict) -> dict:
        """An arch, given by name or as a dict, with all keys."""
        return arch_settings(arch, cls.arch_zoo)

    @property
    def patch_size(self) -> int:
        """P, also the stride of the feature maps."""
        return self.patch_embed.patch_size

    def grid(self, images: Tensor) -> tuple[int, int]:
        """Rows and columns of tokens of images (B, 3, H, W).

        Raises:
            InputError: The image is smaller than a patch.
        """
        return self.patch_embed.grid(images)

    def forward(
        self, images: Tensor, keep: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Encode images.

        Args:
            images: (B, 3, H, W), any size of at least one patch.
            keep: Indices of the tokens to encode, (B, V), ascending in
                raster order; needs ``out_type='raw'``.

        Returns:
            One tensor for each of ``out_indices``, see ``out_type``.
        """
        if keep is not None:
            self._check_keep(keep)
        grid = self.grid(images)
        hidden = self.patch_embed(images) + self.pos_embed(grid)
        if keep is not None:
            hidden = gather_tokens(hidden, keep)
        residual = None
        outs = []
        for index, layer in enumerate(self.layers):
            stream = hidden, residual
            if index in self.windowed:
                stream += (grid,)
            hidden, residual = run_block(layer, *stream, with_cp=self.with_cp)
            if index in self.out_indices:
                outs.append(self._output(index, hidden, residual, grid))
        return tuple(outs)

    def _output(self, index, hidden, residual, grid) -> Tensor:
        stream = hidden.float()
        if residual is not None:
            stream = stream + residual
        norm = self._norm_of(index)
        if self.out_type == 'avg_featmap':
            return norm(stream.mean(1))
        tokens = norm(stream)
        if self.out_type == 'raw':
            return tokens
        return tokens.transpose(1, 2).unflatten(2, grid).contiguous()

    def _check_keep(self, keep: Tensor) -> None:
        super()._check_keep(keep)
        if self.windowed:
            raise InputError(
                'encoding a part of the tokens leaves no grid to cut into '
                'windows; pretrain without window_size and set it afterwards, '
                'the weights are the same'
            )

    def _own_init(self) -> None:
        if self.published_init:
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    nn.init.xavier_uniform_(module.weight)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
            return
        for layer in self.layers:
            if isinstance(layer, MambaBlock):
                # As in Mamba: outputs that are summed start smaller.
                with torch.no_grad():
                    layer.mixer.out_proj.weight /= len(self.pattern) ** 0.5
                continue
            for module in layer.modules():
                if isinstance(module, nn.Linear):
                    nn.init.xavier_uniform_(module.weight)
                    nn.init.zeros_(module.bias)


def _windowed(
    pattern: str,
    window_size: int | None,
    global_blocks: int | Sequence[int],
) -> frozenset[int]:
    """Return the attention blocks that use windows.

    Raises:
        InputError: An invalid window, or a block that is not attention.
    """
    if isinstance(global_blocks, int):
        global_blocks = (global_blocks,)
    attention = {i for i, kind in enumerate(pattern) if kind == 'T'}
    if window_size is None:
        if global_blocks:
            raise InputError(
                f'global_blocks={global_blocks} needs a window_size: without '
                'one all attention blocks look everywhere'
            )
        return frozenset()
    check_count('window_size', window_size)
    everywhere = {i % len(pattern) for i in global_blocks}
    if not everywhere <= attention or any(
        not -len(pattern) <= i < len(pattern) for i in global_blocks
    ):
        raise InputError(
            'global_blocks must be attention blocks, here some of '
            f'{sorted(attention)}, got {tuple(global_blocks)}'
        )
    return frozenset(attention - everywhere)


def _block(
    kind: str,
    settings: dict,
    attention: str,
    drop_path: float,
    window_size: int | None,
) -> nn.Module:
    dims = settings['embed_dims']
    if kind == 'M':
        mixer = BidirectionalMamba(
            dims,
            settings['d_state'],
            settings['d_conv'],
            settings['expand'],
        )
        return MambaBlock(mixer, dims, drop_path)
    return ATTENTION_BLOCKS[attention](
        dims,
        settings['num_heads'],
        settings['mlp_ratio'],
        drop_path,
        window_size=window_size,
    )
