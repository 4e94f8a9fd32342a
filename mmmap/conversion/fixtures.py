"""Shared by all fixtures of official numbers.

A fixture is a dict with ``config``, ``state_dict`` (official names), inputs,
and the official code's results.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from ..errors import InputError


def relative_error(ours: Tensor, official: Tensor) -> float:
    """Largest difference over the largest official value."""
    if ours.shape != official.shape:
        raise InputError(
            f'shape {tuple(ours.shape)}, official {tuple(official.shape)}'
        )
    error = (ours.double() - official.double()).abs().max()
    return (error / official.double().abs().max().clamp(min=1e-30)).item()


def relative_errors(
    ours: Mapping[str, Tensor], official: Mapping[str, Tensor]
) -> dict[str, float]:
    """``relative_error`` of each of our quantities."""
    return {
        name: relative_error(value.detach(), official[name])
        for name, value in ours.items()
    }


def named_gradients(grads: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A fixture's gradients under the names of quantities."""
    return {f'grad {name}': grad for name, grad in grads.items()}


def own_gradients(
    model: nn.Module, names: Mapping[str, str], grads: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Our gradients, in the names and shapes of a fixture's.

    Args:
        model: Ours, after backward.
        names: Official name of a weight to ours.
        grads: The fixture's.

    Raises:
        InputError: One is of an unknown weight.
    """
    unknown = [name for name in grads if name not in names]
    if unknown:
        raise InputError(f'a gradient of an unknown weight, {unknown[0]}')
    own = {
        name: model.get_parameter(names[name]).grad.view(grad.shape)
        for name, grad in grads.items()
    }
    return named_gradients(own)


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
        raise InputError(f'cannot compare {sorted(unknown)}')


def check_keys(what: str, found: Mapping, expected: set[str]) -> None:
    """Check that a dict has these keys.

    Raises:
        InputError: A key is missing.
    """
    missing = expected - set(found) if isinstance(found, Mapping) else expected
    if missing:
        keys = sorted(found) if isinstance(found, Mapping) else type(found)
        raise InputError(
            f'not {what}: it lacks {sorted(missing)}, its keys are {keys}'
        )
