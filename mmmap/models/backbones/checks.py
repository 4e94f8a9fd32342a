"""Checks of the arguments of backbones."""

from collections.abc import Sequence

from ...errors import InputError


def absolute_indices(
    indices: int | Sequence[int], depth: int, unit: str
) -> tuple[int, ...]:
    """Ascending indices from 0, negative ones resolved.

    Args:
        indices: As ``out_indices`` of a backbone.
        depth: Number of units.
        unit: Name of a unit for the message, such as ``'blocks'``.

    Raises:
        InputError: An index is out of range, or they do not ascend.
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


def check_frozen(frozen_stages, depth: int) -> None:
    """Check that a number of stages can be frozen.

    Raises:
        InputError: It is out of range.
    """
    stages = range(-1, depth + 1)
    if not isinstance(frozen_stages, int) or frozen_stages not in stages:
        raise InputError(
            f'frozen_stages must be in [-1, {depth}], got {frozen_stages!r}'
        )
