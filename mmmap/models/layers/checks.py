"""Checks of the arguments and inputs of modules."""

from torch import Tensor

from ...errors import InputError


def check_count(name: str, value) -> None:
    """Check that a value is a whole number of at least 1.

    Raises:
        InputError: It is not.
    """
    if not isinstance(value, int) or value < 1:
        raise InputError(
            f'{name} must be a whole number of at least 1, got {value!r}'
        )


def check_choice(name: str, value, choices) -> None:
    """Check that a value is one of the choices.

    Raises:
        InputError: It is not.
    """
    if value not in choices:
        raise InputError(
            f'unknown {name} {value!r}; choose one of {", ".join(choices)}'
        )


def check_channels(x: Tensor, wanted: int, giver: str, taker: str) -> None:
    """Check that an input (..., C) has the channels that a part takes.

    Args:
        x: The input.
        wanted: C.
        giver: The part that it comes from, for example ``'decoder'``.
        taker: The part that takes it, for example ``'head'``.

    Raises:
        InputError: It has other channels.
    """
    if x.shape[-1] != wanted:
        raise InputError(
            f'the {giver} gives {x.shape[-1]} channels, the {taker} takes '
            f'{wanted}: set {taker}.in_channels'
        )
