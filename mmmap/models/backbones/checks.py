"""What constructors of backbones check, and in which words they complain."""

from collections.abc import Sequence

from ...errors import InputError


def absolute_indices(
    indices: int | Sequence[int], depth: int, unit: str
) -> tuple[int, ...]:
    """Ascending indices from 0, negative ones resolved.

    Args:
        indices: As ``out_indices`` of a backbone.
        depth: How many there are.
        unit: What is counted, for the message, as ``'blocks'``.

    Raises:
        InputError: One that is not there, or not ascending.
    """
    given = [indices] if isinstance(indices, int) else indices
    whole = isinstance(given, Sequence) and all(
        isinstance(i, int) for i in given
    )
    if not whole:
        raise InputError(f'out_indices must be whole numbers, got {indices!r}')
    beyond = [i for i in given if not -depth <= i < depth]
    if beyond or not given:
        raise InputError(
            f'out_indices must lie in [{-depth}, {depth - 1}] for a backbone '
            f'of {depth} {unit}, got {indices}'
        )
    absolute = [i % depth for i in given]
    if absolute != sorted(set(absolute)):
        raise InputError(
            f'out_indices must ascend without repetition, got {indices}'
        )
    return tuple(absolute)


def check_count(name: str, value) -> None:
    """See that a value is a whole number of at least 1.

    Raises:
        InputError: It is not.
    """
    if not isinstance(value, int) or value < 1:
        raise InputError(
            f'{name} must be a whole number of at least 1, got {value!r}'
        )


def check_choice(name: str, value, choices) -> None:
    """See that a value is one of some.

    Raises:
        InputError: It is not.
    """
    if value not in choices:
        raise InputError(
            f'unknown {name} {value!r}; choose one of {", ".join(choices)}'
        )


def check_frozen(frozen_stages, depth: int) -> None:
    """See that so many stages can be frozen.

    Raises:
        InputError: They cannot.
    """
    stages = range(-1, depth + 1)
    if not isinstance(frozen_stages, int) or frozen_stages not in stages:
        raise InputError(
            f'frozen_stages must be in [-1, {depth}], got {frozen_stages!r}'
        )
