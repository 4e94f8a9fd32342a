"""Whether a checkpoint was trained with the settings of a config.

Some settings, such as the decoder's attention mask, change no weight's shape:
a checkpoint of MAE would silently load into MAP. mmengine stores the text of
the config in its checkpoints, so both can be compared. Each class lists its
settings of this kind in ``implicit_settings``, with the first of ``USES`` for
which they must be equal: ``{'attention': 'testing'}``.
"""

import ast
import inspect
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .errors import CheckpointError
from .reading import read_checkpoint

# What a checkpoint is read for, from the least to the most demanding.
USES = ('initialising', 'testing', 'resuming')
# The parts of a model whose classes may have implicit settings.
PARTS = ('backbone', 'decoder', 'masking', 'target_generator')


def check_recorded(
    model: Mapping, checkpoint: Mapping, source: str | Path, use: str
) -> None:
    """Compare a config with the one in a checkpoint, if it has one.

    Args:
        model: The config's model.
        checkpoint: The content of the file.
        source: Its name.
        use: One of ``USES``.

    Raises:
        CheckpointError: A setting differs.
    """
    trained = recorded_model(checkpoint)
    for part in PARTS:
        if isinstance(trained.get(part), Mapping) and model.get(part):
            _check_part(part, trained[part], model[part], source, use)


def check_resumed(model: Mapping, source: str | Path) -> None:
    """Check that a training can resume from a checkpoint.

    The file is read only if the config has parts with implicit settings.

    Raises:
        CheckpointError: The checkpoint is of another method or backbone, or
            cannot be read.
    """
    parts = filter(None, map(model.get, PARTS))
    if any(_implicit_settings(part) for part in parts):
        content = read_checkpoint(str(source))
        check_recorded(model, content, source, 'resuming')


def _check_part(
    part: str, theirs: Mapping, ours: Mapping, source: str | Path, use: str
) -> None:
    kinds = [str(cfg.get('type')).split('.')[-1] for cfg in (theirs, ours)]
    if kinds[0] != kinds[1]:
        # Another type starts from scratch, or its weights have other names.
        if use == 'resuming':
            _check_equal(source, f'{part}.type', *kinds)
        return
    for setting, first in _implicit_settings(ours).items():
        if USES.index(first) <= USES.index(use):
            values = (_value_in(cfg, ours, setting) for cfg in (theirs, ours))
            _check_equal(source, f'{part}.{setting}', *values)


def _check_equal(
    source: str | Path, name: str, theirs: object, ours: object
) -> None:
    if theirs != ours:
        raise CheckpointError(
            f'{source} was trained with {name}={theirs!r}, the config has '
            f'{ours!r}: it is a checkpoint of another method or backbone; '
            'use the config it was trained with'
        )


def _class_of(part: Mapping) -> type | None:
    # Imported here because it loads all of mmpretrain.
    from mmpretrain.registry import MODELS

    return MODELS.get(str(part.get('type')).split('.')[-1])


def _implicit_settings(part: Mapping) -> Mapping[str, str]:
    return getattr(_class_of(part), 'implicit_settings', {})


def _value_in(cfg: Mapping, part: Mapping, setting: str) -> object:
    """The value of a setting of a part, by default that of its class."""
    kind = _class_of(part)
    argument, _, key = setting.partition('.')
    parameter = inspect.signature(kind).parameters[argument]
    value = cfg.get(argument, parameter.default)
    if key:
        value = kind.settings_of(value)[key]
    # A recorded config has lists in place of tuples.
    return list(value) if isinstance(value, tuple) else value


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
