"""Learned absolute position embeddings on a grid of any size.

Letters: h w token grid, C channels, F = C/4 frequencies.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import InputError
from .checks import check_choice
from .windows import is_known

POSITION_INITS = ('normal', 'sincos')


def resize_grid(weight: Tensor, grid: tuple[int, int]) -> Tensor:
    """Resample an embedding (1, h, w, C) to another grid, bicubic."""
    # A symbolic grid is always resampled; to the same grid that is exact.
    if is_known(grid) and tuple(weight.shape[1:3]) == tuple(grid):
        return weight
    resized = F.interpolate(
        weight.permute(0, 3, 1, 2).float(),
        size=grid,
        mode='bicubic',
        align_corners=False,
    )
    return resized.permute(0, 2, 3, 1).to(weight.dtype)


def sincos_grid(dims: int, grid: tuple[int, int]) -> Tensor:
    """Sines and cosines of each row and column, (1, h, w, C).

    The channels are sin(row), cos(row), sin(column), cos(column), F of each,
    with frequencies that fall geometrically from 1 to almost 1/10000. Their
    mean square is 1/2; that of the published noise is 0.0004.

    Source: Vaswani et al., "Attention Is All You Need" (arXiv 1706.03762),
    in two dimensions as MAE (He et al., arXiv 2111.06377).

    Raises:
        InputError: C is not a multiple of 4.
    """
    if dims % 4:
        raise InputError(
            f"pos_embed='sincos' needs channels that 4 divides, got {dims}"
        )
    frequencies = 1 / 10000 ** (torch.arange(dims // 4) / (dims // 4))
    places = torch.meshgrid(*map(torch.arange, grid), indexing='ij')
    angles = [place[..., None] * frequencies for place in places]
    parts = [f(angle) for angle in angles for f in (torch.sin, torch.cos)]
    return torch.cat(parts, -1)[None]


class PositionEmbedding(nn.Module):
    """One vector for each place of a grid.

    The shape of the weight, (1, h, w, C), contains the grid, so a checkpoint
    of any grid, square or not, can be resampled to any other: while loading
    into a module of another grid, and in ``forward`` for other image sizes.

    Args:
        dims: Channels.
        grid: Rows and columns.
        init: Initial weight: ``'normal'``, small noise as published, or
            ``'sincos'``, see ``sincos_grid``.

    Raises:
        InputError: An unknown ``init``, or one that does not fit ``dims``.
    """

    def __init__(
        self, dims: int, grid: tuple[int, int], init: str = 'normal'
    ) -> None:
        super().__init__()
        check_choice('pos_embed', init, POSITION_INITS)
        self.weight = nn.Parameter(torch.zeros(1, *grid, dims))
        if init == 'sincos':
            self.weight.data.copy_(sincos_grid(dims, grid))
        else:
            nn.init.trunc_normal_(self.weight, std=0.02)
        self.register_load_state_dict_pre_hook(_resize_loaded)

    def forward(self, grid: tuple[int, int]) -> Tensor:
        """The embedding of a grid as tokens in raster order, (1, h*w, C)."""
        return resize_grid(self.weight, grid).flatten(1, 2)


def _resize_loaded(module, state_dict, prefix, *_) -> None:
    loaded = state_dict.get(f'{prefix}weight')
    wanted = module.weight
    if (
        loaded is not None
        and loaded.dim() == 4
        and loaded.shape[-1] == wanted.shape[-1]
    ):
        state_dict[f'{prefix}weight'] = resize_grid(
            loaded, tuple(wanted.shape[1:3])
        )
