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
from ..masking import Masked, PointBlockMasking
from .map import built


class PointReconstruction(NamedTuple):
    """What was hidden and guessed, as points in space.

    Args:
        points: The input, (B, N, 3).
        groups: Its groups, (B, G, S, 3).
        reconstructed: The same, the hidden ones as they were guessed.
        mask: (B, G), True where a group was hidden.
    """

    points: Tensor
    groups: Tensor
    reconstructed: Tensor
    mask: Tensor


@MODELS.register_module()
class PointMAP(BaseSelfSupervisor):
    """Hide groups of points, encode the visible ones, rebuild the hidden ones.

    With another ``attention`` of the decoder it is another method:
    ``'full'`` makes it Point-MAE, ``'raster'`` an autoregressive model.

    Args:
        backbone: A ``HybridNetPoints`` with ``out_type='raw'`` and
            without a class token.
        masking: Which groups are hidden, as ``RandomMasking`` or
            ``PointBlockMasking``.
        decoder: From visible groups to features of all, as
            ``PointDecoder``.
        head: From features to the loss, as ``ChamferHead``.
        data_preprocessor: As ``PointDataPreprocessor``.
        init_cfg: mmengine's.

    Raises:
        InputError: A backbone with a class token, which no one would train.
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
        features, masked = self.decode(groups)
        return dict(loss=self.head.loss(features, groups.offsets, masked.mask))

    def decode(
        self, groups: PointGroups, masked: Masked | None = None
    ) -> tuple[Tensor, Masked]:
        """Features of all groups from the visible ones.

        Args:
            groups: Of the backbone.
            masked: What is hidden; by default ``masking`` decides.

        Returns:
            (B, G, C) and what was hidden.
        """
        masked = self._mask(groups.centers) if masked is None else masked
        visible = self.backbone.encode(groups, masked.keep)[-1]
        return self.decoder(visible, masked, groups.centers), masked

    @torch.no_grad()
    def reconstruct(
        self, inputs: Tensor, masked: Masked | None = None
    ) -> PointReconstruction:
        """What the model makes of clouds of which it sees a part.

        Args:
            inputs: (B, N, 3).
            masked: What is hidden; by default ``masking`` decides.
        """
        groups = self.backbone.group(inputs)
        features, masked = self.decode(groups, masked)
        hidden = masked.mask[..., None, None]
        guess = torch.where(hidden, self.head(features), groups.offsets)
        centers = groups.centers.unsqueeze(2)
        return PointReconstruction(
            points=inputs,
            groups=groups.offsets + centers,
            reconstructed=guess.float() + centers,
            mask=masked.mask,
        )

    def _mask(self, centers: Tensor) -> Masked:
        if isinstance(self.masking, PointBlockMasking):
            return self.masking(centers)
        # The others know of a grid; here it is one row.
        batch, length, _ = centers.shape
        return self.masking(batch, (1, length), centers.device)
