"""MAP: masked autoregressive pretraining.

Letters: B batch, H W pixels, h w token grid, L = h*w tokens, V visible ones.

Source: Liu and Yi, "MAP: Unleashing Hybrid Mamba-Transformer Vision
Backbone's Potential with Masked Autoregressive Pretraining" (CVPR 2025).
"""

from typing import NamedTuple

import torch
from mmpretrain.models import BaseSelfSupervisor
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ..backbones.base import Units
from ..layers import unpatchify
from ..masking import MaskPlan


class Reconstruction(NamedTuple):
    """A reconstruction, (B, 3, H, W), normalised as the input.

    ``mask`` is True where a patch was hidden: nowhere without masking,
    although everything is predicted then.
    """

    image: Tensor
    masked: Tensor
    reconstructed: Tensor
    mask: Tensor


@MODELS.register_module()
class MAP(BaseSelfSupervisor):
    """Hide tokens, encode the visible ones, predict the hidden ones.

    The backbone says what the tokens are and where; masking and decoder take
    this layout, so the algorithm is the same for images and points.

    Other parts give other methods: a decoder with ``attention='full'`` makes
    it MAE, ``'raster'`` an autoregressive model, and a ``DiffusionHead``
    denoises each patch instead of regressing it.

    Args:
        backbone: A ``Backbone`` with ``out_type='raw'``. Its units are the
            tokens here.
        masking: Which tokens are hidden, for example ``RandomMasking``.
        decoder: From visible tokens to features of all tokens, for example
            ``MaskedDecoder``.
        target_generator: From images to what is predicted, for example
            ``PixelTarget``.
        head: From features to the loss, for example ``PixelHead``.
        data_preprocessor: mmpretrain's.
        init_cfg: mmengine's.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        masking: dict | nn.Module,
        decoder: dict | nn.Module,
        target_generator: dict | nn.Module,
        head: dict | nn.Module,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone,
            head=head,
            target_generator=target_generator,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        self.masking = built(masking)
        self.decoder = built(decoder)

    def loss(
        self, inputs: Tensor, data_samples: list, **kwargs
    ) -> dict[str, Tensor]:
        """Loss of a batch of images (B, 3, H, W), or of clouds (B, N, 3)."""
        units = self.backbone.units(inputs)
        features, plan = self.decode(units)
        target = self.target_generator(units)
        return dict(loss=self.head.loss(features, target, plan.predicted))

    def decode(
        self, units: Units, plan: MaskPlan | None = None
    ) -> tuple[Tensor, MaskPlan]:
        """Features of all tokens from the visible ones.

        Args:
            units: From the backbone; of images, the images (B, 3, H, W).
            plan: What is hidden; by default ``masking`` decides.

        Returns:
            (B, L, E) and the plan.
        """
        layout = self.backbone.layout(units)
        if plan is None:
            plan = self.masking(layout)
        visible = self.backbone(units, plan.ids_keep)[-1]
        return self.decoder(visible, plan, layout), plan

    @torch.no_grad()
    def reconstruct(
        self, inputs: Tensor, plan: MaskPlan | None = None
    ) -> Reconstruction:
        """Reconstruct images from their visible part.

        With a normalised target, patches are scaled back by the statistics of
        the true patches. Visible patches stay unchanged.

        Args:
            inputs: (B, 3, H, W), normalised.
            plan: What is hidden; by default ``masking`` decides.
        """
        features, plan = self.decode(inputs, plan)
        patches = self.target_generator.to_pixels(
            self.head(features).float(), inputs
        )
        grid = self.backbone.grid(inputs)
        size = self.backbone.patch_size
        prediction = unpatchify(patches, size, grid)
        ones = torch.ones_like(patches)
        hidden, predicted = (
            unpatchify(ones * part[..., None], size, grid).bool()
            for part in (plan.hidden, plan.predicted)
        )
        return Reconstruction(
            image=inputs,
            masked=inputs.masked_fill(hidden, 0),
            reconstructed=torch.where(predicted, prediction, inputs),
            mask=hidden,
        )


def built(part: dict | nn.Module) -> nn.Module:
    """Build a part of an algorithm, unless it is a module already."""
    return part if isinstance(part, nn.Module) else MODELS.build(part)
