"""Checks of what the heads of pretraining get."""

from torch import Tensor

from ...errors import InputError
from ..layers.checks import check_channels

ONE_PATCH = 'give backbone, target and head one patch_size'


def check_sizes(
    features: Tensor,
    target: Tensor,
    in_channels: int,
    wanted: tuple[int, ...],
    advice: str,
) -> None:
    """Check that features and target have the sizes of a head.

    Args:
        features: (B, L, C).
        target: (B, L, ...).
        in_channels: C.
        wanted: Sizes of the target behind (B, L).
        advice: What to do if it has others.

    Raises:
        InputError: They have others.
    """
    check_channels(features, in_channels, 'decoder', 'head')
    wanted = (*features.shape[:2], *wanted)
    if target.shape != wanted:
        raise InputError(
            f'the target is {tuple(target.shape)}, the head predicts '
            f'{wanted}: {advice}'
        )
