"""MAP on point clouds.

Letters: B batch, N points, G groups, S points of a group, C channels.

Source: Liu and Yi, MAP (CVPR 2025), and its published code for points.
"""

from typing import NamedTuple

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from ..heads import GroupTarget
from ..masking import MaskPlan
from .map import MAP


class PointReconstruction(NamedTuple):
    """A reconstruction, as points in space.

    Args:
        points: The input, (B, N, 3).
        groups: Its groups, (B, G, S, 3).
        reconstructed: The groups, with predictions for the hidden ones.
        mask: (B, G), True where a group was hidden.
    """

    points: Tensor
    groups: Tensor
    reconstructed: Tensor
    mask: Tensor


@MODELS.register_module()
class PointMAP(MAP):
    """MAP whose tokens are groups of points.

    Another ``attention`` of the decoder gives another method: ``'full'`` makes
    it Point-MAE, ``'raster'`` an autoregressive model.

    Args:
        backbone: A ``HybridNetPoints`` with ``out_type='raw'`` and
            without a class token.
        masking: Which groups are hidden, for example ``RandomMasking`` or
            ``PointBlockMasking``.
        decoder: From visible groups to features of all groups, for example
            ``PointDecoder``.
        head: From features to the loss, for example ``ChamferHead``.
        target_generator: From groups to what is predicted; by default, their
            points.
        **settings: Of mmpretrain's ``BaseSelfSupervisor``, for example
            ``data_preprocessor``.

    Raises:
        InputError: A backbone with a class token, which would not be trained.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        masking: dict | nn.Module,
        decoder: dict | nn.Module,
        head: dict | nn.Module,
        target_generator: dict | nn.Module | None = None,
        **settings: dict | nn.Module | None,
    ) -> None:
        target = target_generator or GroupTarget()
        super().__init__(backbone, masking, decoder, target, head, **settings)
        if self.backbone.cls_token is not None:
            raise InputError(
                'pretraining has no use for a class token: set '
                'backbone.with_cls_token=False; fine-tuning may add one'
            )

    @torch.no_grad()
    def reconstruct(
        self, inputs: Tensor, plan: MaskPlan | None = None
    ) -> PointReconstruction:
        """Reconstruct clouds from their visible part.

        Args:
            inputs: (B, N, 3).
            plan: What is hidden; by default ``masking`` decides.
        """
        groups = self.backbone.units(inputs)
        features, plan = self.decode(groups, plan)
        predicted = plan.predicted[..., None, None]
        offsets = torch.where(predicted, self.head(features), groups.offsets)
        centers = groups.centers.unsqueeze(2)
        return PointReconstruction(
            points=inputs,
            groups=groups.offsets + centers,
            reconstructed=offsets.float() + centers,
            mask=plan.hidden,
        )
