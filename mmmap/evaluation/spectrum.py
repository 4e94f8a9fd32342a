"""How much features vary, without labels.

Letters: N samples, C channels.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError


def effective_rank(features: Tensor) -> float:
    """How many directions the features use, from 1 to min(N, C).

    The exponential of the entropy of the singular values, as parts of their
    sum.

    Source: Garrido et al., "RankMe: Assessing the Downstream Performance of
    Pretrained Self-Supervised Representations by Their Rank" (ICML 2023,
    arXiv 2210.02885).

    Args:
        features: (N, C).

    Raises:
        InputError: Features of another shape, or not finite.
    """
    _check(features)
    values = torch.linalg.svdvals(features.double())
    parts = values / values.sum().clamp_min(1e-30)
    return torch.special.entr(parts).sum().exp().item()


def feature_deviation(features: Tensor) -> float:
    """Standard deviation of normalised features, about 1 at best.

    Features of length 1, their deviation in each channel, averaged, times
    the square root of C: 0 where all samples have the same features, 1 where
    they point in all directions.

    Source: Chen and He, "Exploring Simple Siamese Representation Learning"
    (CVPR 2021), who watch for collapse by it.

    Args:
        features: (N, C), N at least 2.

    Raises:
        InputError: Features of another shape, or not finite.
    """
    _check(features)
    unit = F.normalize(features.double(), dim=1)
    return (unit.std(0).mean() * features.shape[1] ** 0.5).item()


def _check(features: Tensor) -> None:
    if features.dim() != 2 or len(features) < 2:
        raise InputError(
            'features must be (N, C) with two samples or more, got '
            f'{tuple(features.shape)}'
        )
    if not features.isfinite().all():
        raise InputError('features must be finite; some are NaN or infinite')
