"""Shared by converters: tables of names, and checks that nothing is lost."""

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from ..errors import InputError


class ConversionError(InputError):
    """Weights that do not have the form that a converter expects."""


def unwrapped(
    content: Mapping,
    keys: Iterable[str] = ('model',),
    prefixes: Iterable[str] = ('module.',),
) -> dict[str, Tensor]:
    """The weights of an official file, without the names of wrappers.

    Args:
        content: Weights by name, or a dict with them under one of ``keys``.
        keys: The first existing key is used.
        prefixes: Removed from every name in turn, as DDP's ``module.``.

    Raises:
        ConversionError: There are no weights, or other values among them.
    """
    keys = tuple(keys)
    weights = next((content[key] for key in keys if key in content), content)
    others = [
        name
        for name, value in weights.items()
        if not isinstance(value, Tensor)
    ]
    if not weights or others:
        raise ConversionError(
            'expected tensors by name, or a dict with them under the key '
            f'{" or ".join(keys)}; found {len(weights)} entries, no tensors: '
            f'{others[:5]}'
        )
    for prefix in prefixes:
        weights = {
            name.removeprefix(prefix): value for name, value in weights.items()
        }
    return weights


def nest(modules: dict, theirs: str, ours: str, table: dict) -> None:
    """Add a table of names inside a module to one of whole names."""
    for left, right in table.items():
        modules[f'{theirs}.{left}'] = f'{ours}.{right}'


def count(weights: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbered modules follow a prefix."""
    found = (
        re.match(rf'{re.escape(prefix)}\.(\d+)\.', key) for key in weights
    )
    return 1 + max((int(match[1]) for match in found if match), default=-1)


def pattern_of_mmmap(weights: Mapping[str, Tensor]) -> str:
    """The order of blocks of our weights of any HybridNet, e.g. ``'MMMT'``."""
    depth = count(weights, 'backbone.layers')
    return ''.join(
        'M' if f'backbone.layers.{i}.mixer.in_proj.weight' in weights else 'T'
        for i in range(depth)
    )


def check_alike(weights: Mapping[str, Tensor], block: str, what: str) -> None:
    """Check that a tensor has the same shape in every block that has it.

    Args:
        weights: Tensors by name.
        block: Expression of the part of a name with the block's number.
        what: Name of these weights, for the message.

    Raises:
        ConversionError: A tensor has another shape.
    """
    first: dict[str, str] = {}
    for name, tensor in weights.items():
        kind = re.sub(block, '.N.', name)
        model = first.setdefault(kind, name)
        if tensor.shape != weights[model].shape:
            raise ConversionError(
                f'{name} is {tuple(tensor.shape)}, but {model} is '
                f'{tuple(weights[model].shape)}: the file is damaged, or not '
                f'of a {what}'
            )


def check_complete(unknown: set, missing: set, what: str) -> None:
    """Raise a ConversionError for unknown or missing names."""
    if unknown or missing:
        raise ConversionError(
            f'these are not complete {what} weights: '
            f'{len(unknown)} unknown names {sorted(unknown)[:5]}, '
            f'{len(missing)} absent names {sorted(missing)[:5]}'
        )
