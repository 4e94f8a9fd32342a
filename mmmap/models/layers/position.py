"""Learned absolute position embeddings on a grid of any size.

Letters: h w token grid, C channels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .windows import is_known


def resize_grid(weight: Tensor, grid: tuple[int, int]) -> Tensor:
    """Resample an embedding (1, h, w, C) to another grid, bicubic."""
    # One that is not known is resampled, which to the same grid is exact.
    if is_known(grid) and tuple(weight.shape[1:3]) == tuple(grid):
        return weight
    resized = F.interpolate(
        weight.permute(0, 3, 1, 2).float(),
        size=grid,
        mode='bicubic',
        align_corners=False,
    )
    return resized.permute(0, 2, 3, 1).to(weight.dtype)


class PositionEmbedding(nn.Module):
    """One vector for each place of a grid.

    The weight, (1, h, w, C), carries the grid in its shape, so a checkpoint
    of any grid, square or not, can be resampled to any other: while loading
    into a module of another grid, and in ``forward`` for other image sizes.

    Args:
        dims: Channels.
        grid: Rows and columns.
    """

    def __init__(self, dims: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, *grid, dims))
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
