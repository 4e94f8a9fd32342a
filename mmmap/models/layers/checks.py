"""Checks of the arguments of modules."""

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
