"""Shared by all fixtures of official numbers.

A fixture is a dict with ``config``, ``state_dict`` (official names), inputs,
and the official code's results.
"""

from collections.abc import Mapping

from torch import Tensor

from ..errors import InputError


def relative_error(ours: Tensor, official: Tensor) -> float:
    """Largest difference over the largest official value."""
    if ours.shape != official.shape:
        raise InputError(
            f'shape {tuple(ours.shape)}, official {tuple(official.shape)}'
        )
    error = (ours.double() - official.double()).abs().max()
    return (error / official.double().abs().max().clamp(min=1e-30)).item()


def check_fixture(
    what: str, fixture: Mapping, keys: set[str], config: set[str]
) -> None:
    """Check that a fixture and its config have these keys and can be compared.

    Raises:
        InputError: A key is missing, or is one that nothing compares.
    """
    check_keys(f'a fixture of {what}', fixture, keys)
    check_keys("a fixture's config", fixture['config'], config)
    unknown = set(fixture) - keys
    if unknown:
        raise InputError(f'nothing here compares {sorted(unknown)}')


def check_keys(what: str, found: Mapping, expected: set[str]) -> None:
    """Check that a dict has these keys.

    Raises:
        InputError: A key is missing.
    """
    missing = expected - set(found) if isinstance(found, Mapping) else expected
    if missing:
        keys = sorted(found) if isinstance(found, Mapping) else type(found)
        raise InputError(
            f'not the form of {what}: without {sorted(missing)}, its keys '
            f'are {keys}'
        )
