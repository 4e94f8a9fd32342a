"""Features as colours, by their three main directions.

Letters: B images, C channels, h w rows and columns.
"""

import torch
from torch import Tensor

from ..errors import InputError


def principal_components(
    features: Tensor, count: int = 3
) -> tuple[Tensor, Tensor]:
    """Directions of largest variance, and their shares of it.

    Args:
        features: (N, C).
        count: Number of directions, at most N and C.

    Returns:
        Unit vectors (count, C), the largest entry of each positive, and
        (count,), falling, in [0, 1].

    Raises:
        InputError: The features are not finite.
    """
    if not features.isfinite().all():
        raise InputError(
            'features of the images are not finite (NaN or infinite): the '
            'checkpoint comes from a run that diverged'
        )
    centred = features.double() - features.double().mean(0)
    _, values, vectors = torch.linalg.svd(centred, full_matrices=False)
    vectors = vectors[:count]
    # The sign of a direction is arbitrary; fix it, so that pictures repeat.
    largest = vectors.abs().argmax(1, keepdim=True)
    vectors = vectors * vectors.gather(1, largest).sign()
    variance = values.square()
    share = variance[:count] / variance.sum().clamp(min=1e-30)
    return vectors.to(features.dtype), share.to(features.dtype)


def colours(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Map features to RGB by the main directions of all images together.

    Each direction is scaled from its 1st to its 99th percentile.

    Args:
        maps: (B, C, h, w).

    Returns:
        (B, h, w, 3) in [0, 1], and the directions' shares of the variance;
        with fewer than three channels the last colours are constant.

    Raises:
        InputError: Features that are not finite.
    """
    B, _, h, w = maps.shape
    tokens = maps.flatten(2).transpose(1, 2).flatten(0, 1)  # (B*h*w, C)
    vectors, share = principal_components(tokens)
    along = (tokens - tokens.mean(0)) @ vectors.T
    ends = torch.tensor([0.01, 0.99], dtype=along.dtype)
    low, high = torch.quantile(along[:_MOST], ends.to(along.device), dim=0)
    spread = (along - low) / (high - low).clamp(min=1e-12)
    rgb = spread.new_full((len(tokens), 3), 0.5)
    rgb[:, : len(vectors)] = spread.clamp(0, 1)
    return rgb.view(B, h, w, 3), share


_MOST = 2**22  # torch sorts no more for a quantile
