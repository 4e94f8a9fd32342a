"""Checks of what the heads of pretraining get."""

from torch import Tensor

from ...errors import InputError

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
        InputError: They have not.
    """
    if features.shape[-1] != in_channels:
        raise InputError(
            f'the decoder gives {features.shape[-1]} channels, the head '
            f'takes {in_channels}: set head.in_channels'
        )
    wanted = (*features.shape[:2], *wanted)
    if target.shape != wanted:
        raise InputError(
            f'the target is {tuple(target.shape)}, the head predicts '
            f'{wanted}: {advice}'
        )
