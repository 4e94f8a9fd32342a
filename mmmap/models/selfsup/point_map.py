"""MAP on point clouds.

Letters: B batch, N points, G groups, S points of a group, C channels.

Source: Liu and Yi, MAP (CVPR 2025), and its published code for points.
"""

from typing import NamedTuple

import torch
from mmpretrain.models import BaseSelfSupervisor
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from ..layers.points import PointGroups
from ..masking import MaskPlan, PointBlockMasking
from .map import built


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
class PointMAP(BaseSelfSupervisor):
    """Hide groups of points, encode the visible ones, predict the others.

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
        data_preprocessor: For example ``PointDataPreprocessor``.
        init_cfg: mmengine's.

    Raises:
        InputError: A backbone with a class token, which would not be trained.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        masking: dict | nn.Module,
        decoder: dict | nn.Module,
        head: dict | nn.Module,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone,
            head=head,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        if self.backbone.cls_token is not None:
            raise InputError(
                'pretraining has no use for a class token: set '
                'backbone.with_cls_token=False; fine-tuning may add one'
            )
        self.masking = built(masking)
        self.decoder = built(decoder)

    def loss(
        self, inputs: Tensor, data_samples: list, **kwargs
    ) -> dict[str, Tensor]:
        """Loss of a batch of clouds (B, N, 3)."""
        groups = self.backbone.group(inputs)
        features, plan = self.decode(groups)
        loss = self.head.loss(features, groups.offsets, plan.predicted)
        return dict(loss=loss)

    def decode(
        self, groups: PointGroups, plan: MaskPlan | None = None
    ) -> tuple[Tensor, MaskPlan]:
        """Features of all groups from the visible ones.

        Args:
            groups: From the backbone.
            plan: What is hidden; by default ``masking`` decides.

        Returns:
            (B, G, C) and the plan.
        """
        if plan is None:
            plan = self._plan(groups.centers)
        visible = self.backbone.encode(groups, plan.ids_keep)[-1]
        return self.decoder(visible, plan, groups.centers), plan

    @torch.no_grad()
    def reconstruct(
        self, inputs: Tensor, plan: MaskPlan | None = None
    ) -> PointReconstruction:
        """Reconstruct clouds from their visible part.

        Args:
            inputs: (B, N, 3).
            plan: What is hidden; by default ``masking`` decides.
        """
        groups = self.backbone.group(inputs)
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

    def _plan(self, centers: Tensor) -> MaskPlan:
        if isinstance(self.masking, PointBlockMasking):
            return self.masking(centers)
        # The other maskings expect a grid; a cloud is one row.
        batch, length, _ = centers.shape
        return self.masking(batch, (1, length), centers.device)
