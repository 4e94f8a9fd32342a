"""The block of the backbone on points.

Letters: B batch, L tokens, G groups, k neighbours, C channels.
"""

from torch import Tensor, nn

from ..drop_path import DropPath
from .local import LocalAggregation


class PointBlock(nn.Module):
    """Local aggregation, then a mixer of all tokens; both pre-norm, residual.

    Args:
        mixer: Module (B, L, C) -> (B, L, C).
        dims: C.
        drop_path: Rate of dropping a branch.
        batch_std: See ``LocalAggregation``.
    """

    def __init__(
        self,
        mixer: nn.Module,
        dims: int,
        drop_path: float = 0.0,
        batch_std: bool = False,
    ) -> None:
        super().__init__()
        self.norm_local = nn.LayerNorm(dims)
        self.local = LocalAggregation(dims, batch_std)
        self.norm_mixer = nn.LayerNorm(dims)
        self.mixer = mixer
        self.drop_path = DropPath(drop_path)

    def forward(
        self, x: Tensor, position: Tensor, neighbours: Tensor
    ) -> Tensor:
        """Mix.

        Args:
            x: (B, L, C).
            position: Added first, (B, L, C).
            neighbours: Nearest groups of each group, (B, G, k).

        Returns:
            (B, L, C).
        """
        x = x + position
        local = self.local(self.norm_local(x), neighbours)
        x = x + self.drop_path(local)
        return x + self.drop_path(self.mixer(self.norm_mixer(x)))
