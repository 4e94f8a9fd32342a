"""The points of groups as a target.

Letters: B batch, G groups, S points of a group.
"""

from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor

from ..layers.points import PointGroups


@MODELS.register_module()
class GroupTarget(BaseModule):
    """The points of each group, relative to its centre."""

    def forward(self, groups: PointGroups) -> Tensor:
        """(B, G, S, 3)."""
        return groups.offsets
