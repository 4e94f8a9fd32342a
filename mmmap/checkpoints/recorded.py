"""The config that mmengine stores, as text, in its checkpoints."""

import ast
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .errors import CheckpointError


def check_equal(
    source: str | Path, name: str, theirs: object, ours: object
) -> None:
    """Check that a checkpoint was trained with a setting of the config.

    Raises:
        CheckpointError: It was not.
    """
    if theirs != ours:
        raise CheckpointError(
            f'{source} was trained with {name}={theirs!r}, the config has '
            f'{ours!r}: it is a checkpoint of another method or backbone; '
            'use the config it was trained with'
        )


def recorded_model(checkpoint: Mapping) -> dict:
    """The model of the config in a checkpoint; empty if there is none."""
    text = (checkpoint.get('meta') or {}).get('cfg')
    model = config_of(text if isinstance(text, str) else '').get('model')
    return model if isinstance(model, dict) else {}


def config_of(text: str) -> dict:
    """The settings of a config as mmengine writes it.

    The text is parsed, not run: settings of another form are skipped, and a
    text that is not Python gives none. Tuples become lists.
    """
    settings = {}
    with suppress(RecursionError, SyntaxError, ValueError):
        for line in ast.parse(text).body:
            with suppress(AttributeError, TypeError, ValueError):
                settings[line.targets[0].id] = _value(line.value)
    return settings


def _value(node: ast.expr) -> object:
    """Evaluate an expression of literals and ``dict(...)``."""
    if isinstance(node, ast.Call):
        if node.func.id != 'dict' or node.args:
            raise ValueError(f'{node.func.id} is not read')
        return {pair.arg: _value(pair.value) for pair in node.keywords}
    if isinstance(node, ast.Dict):
        keys = map(ast.literal_eval, node.keys)
        return dict(zip(keys, map(_value, node.values)))
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(part) for part in node.elts]
    return ast.literal_eval(node)
