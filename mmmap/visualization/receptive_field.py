"""The pixels that a token of a map depends on, by its gradient.

Letters: B batch, C channels, H W pixels, h w rows and columns of a map.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..errors import InputError


@torch.enable_grad()
def receptive_fields(
    maps_of: Callable[[Tensor], Sequence[Tensor]],
    images: Tensor,
) -> list[Tensor]:
    """Mean absolute gradient of the middle token with respect to each pixel.

    The token's channels are summed; the absolute gradient is averaged over
    images and colour channels.

    Source: Luo et al., "Understanding the Effective Receptive Field in Deep
    Convolutional Neural Networks" (NeurIPS 2016).

    Args:
        maps_of: Maps images (B, 3, H, W) to feature maps (B, C, h, w).
        images: Normalised images.

    Returns:
        (H, W) for each map.

    Raises:
        InputError: A gradient is not finite.
    """
    images = images.detach().clone().requires_grad_()
    fields = []
    for x in maps_of(images):
        row, column = x.shape[-2] // 2, x.shape[-1] // 2
        (gradient,) = torch.autograd.grad(
            x[:, :, row, column].sum(), images, retain_graph=True
        )
        field = gradient.abs().mean((0, 1))
        if not field.isfinite().all():
            raise InputError(
                'gradients are not finite (NaN or infinite): the checkpoint '
                'comes from a run that diverged'
            )
        fields.append(field)
    return fields


def area_of(field: Tensor, part: float = 0.5) -> float:
    """The smallest share of pixels that holds a given part of a field.

    Args:
        field: (H, W), not negative.
        part: Part of its sum.

    Returns:
        In [0, 1]; ``part`` for a uniform field, 0 for an empty one.
    """
    ordered = field.double().flatten().sort(descending=True).values
    held = ordered.cumsum(0)
    if held[-1] == 0:
        return 0.0
    enough = held >= part * held[-1] * (1 - 1e-9)
    return (int(enough.int().argmax()) + 1) / len(held)
