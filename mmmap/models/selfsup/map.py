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

from ..layers import unpatchify
from ..masking import Masked


class Reconstruction(NamedTuple):
    """What was hidden and guessed, (B, 3, H, W), normalised as the input.

    ``mask`` is True where nothing was seen; without masking nowhere, though
    all is guessed.
    """

    image: Tensor
    masked: Tensor
    reconstructed: Tensor
    mask: Tensor


@MODELS.register_module()
class MAP(BaseSelfSupervisor):
    """Hide tokens, encode the visible ones, rebuild the hidden ones.

    With other parts it is another method: ``attention='full'`` of the decoder
    makes it MAE, ``'raster'`` an autoregressive model, a
    ``DiffusionHead`` has each patch denoised instead of regressed.

    Args:
        backbone: A ``Backbone`` with ``out_type='raw'``; what it shows
            and hides as a whole, its units, are the tokens here.
        masking: Which tokens are hidden, as ``RandomMasking``.
        decoder: From visible tokens to features of all, as
            ``MaskedDecoder``.
        target_generator: From images to what is guessed, as
            ``PixelTarget``.
        head: From features to the loss, as ``PixelHead``.
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
        """Loss of a batch of images (B, 3, H, W)."""
        features, masked = self.decode(inputs)
        target = self.target_generator(inputs)
        return dict(loss=self.head.loss(features, target, masked.mask))

    def decode(
        self, inputs: Tensor, masked: Masked | None = None
    ) -> tuple[Tensor, Masked]:
        """Features of all tokens from the visible ones.

        Args:
            inputs: (B, 3, H, W).
            masked: What is hidden; by default ``masking`` decides.

        Returns:
            (B, L, E) and what was hidden.
        """
        grid = self.backbone.grid(inputs)
        if masked is None:
            masked = self.masking(len(inputs), grid, inputs.device)
        visible = self.backbone(inputs, masked.keep)[-1]
        return self.decoder(visible, masked, grid), masked

    @torch.no_grad()
    def reconstruct(
        self, inputs: Tensor, masked: Masked | None = None
    ) -> Reconstruction:
        """What the model makes of images of which it sees a part.

        Patches are scaled back by the true patches' statistics where the
        target is normalised. Visible patches are shown as they are.

        Args:
            inputs: (B, 3, H, W), normalised.
            masked: What is hidden; by default ``masking`` decides.
        """
        features, masked = self.decode(inputs, masked)
        patches = self.target_generator.to_pixels(
            self.head(features).float(), inputs
        )
        grid = self.backbone.grid(inputs)
        size = self.backbone.patch_size
        guessed = unpatchify(patches, size, grid)
        shown = masked.restore(
            torch.ones_like(masked.gather(patches)), patches.new_zeros(1)
        )
        ones = torch.ones_like(patches)
        hidden, rebuilt = (
            unpatchify(part, size, grid).bool()
            for part in (1 - shown, ones * masked.mask[..., None])
        )
        return Reconstruction(
            image=inputs,
            masked=inputs.masked_fill(hidden, 0),
            reconstructed=torch.where(rebuilt, guessed, inputs),
            mask=hidden,
        )


def built(part: dict | nn.Module) -> nn.Module:
    """A part of an algorithm, given as a module or as a config of one."""
    return part if isinstance(part, nn.Module) else MODELS.build(part)
