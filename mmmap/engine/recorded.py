"""Whether a checkpoint is of the method that a config says.

The decoder's attention masks, among other settings, are in no weight: a
checkpoint of MAE would load into MAP in silence. mmengine keeps the text of
the config in its checkpoints, so both can be compared.
"""

import ast
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..models.backbones.pretrained import CheckpointError, read_checkpoint

# What changes a model and not the shapes of its weights, with its defaults.
BACKBONE_SETTINGS = {('backbone', 'attention'): 'published'}
METHOD_SETTINGS = {
    **BACKBONE_SETTINGS,
    ('backbone', 'order'): 'fps',
    ('decoder', 'attention'): 'rows',
    ('decoder', 'sequence'): 'visible_first',
    ('decoder', 'num_heads'): 16,
    ('target_generator', 'norm_pix'): True,
}
# A run that goes on has to hide its tokens as it began.
RESUMED_SETTINGS = {
    **METHOD_SETTINGS,
    ('masking', 'type'): None,
    ('masking', 'ratio'): None,
}


def check_settings(
    model: Mapping,
    checkpoint: Mapping,
    source: str | Path,
    settings: Mapping[tuple[str, str], object],
) -> None:
    """Compare a config with the one that a checkpoint keeps, if it does.

    Args:
        model: Of the config.
        checkpoint: The content of the file.
        source: Its name.
        settings: Part and name of each setting, and its default.

    Raises:
        CheckpointError: They differ.
    """
    trained = recorded_model(checkpoint)
    for (part, name), default in settings.items():
        if not (trained.get(part) and model.get(part)):
            continue
        theirs = trained[part].get(name, default)
        ours = model[part].get(name, default)
        if theirs != ours:
            raise CheckpointError(
                f'{source} was trained with {part}.{name}={theirs!r}, the '
                f'config has {ours!r}: it is a checkpoint of another method '
                'or backbone; use the config it was trained with'
            )


def check_resumed(model: Mapping, source: str | Path) -> None:
    """Whether a pretraining may go on from a checkpoint.

    A config without a decoder is no pretraining and passes unread.

    Args:
        model: Of the config.
        source: The checkpoint.

    Raises:
        CheckpointError: It is one of another method, or cannot be read.
    """
    if model.get('decoder'):
        content = read_checkpoint(str(source))
        check_settings(model, content, source, RESUMED_SETTINGS)


def recorded_model(checkpoint: Mapping) -> dict:
    """The model of the config in a checkpoint of mmengine; empty without."""
    text = (checkpoint.get('meta') or {}).get('cfg')
    model = config_of(text if isinstance(text, str) else '').get('model')
    return model if isinstance(model, dict) else {}


def config_of(text: str) -> dict:
    """The settings of a config as mmengine writes it out.

    The text is read, not run: a setting of another form is left out, and a
    text that is no Python has none. Tuples become lists.
    """
    settings = {}
    with suppress(RecursionError, SyntaxError, ValueError):
        for line in ast.parse(text).body:
            with suppress(AttributeError, TypeError, ValueError):
                settings[line.targets[0].id] = _value(line.value)
    return settings


def _value(node: ast.expr) -> object:
    """What an expression of literals and ``dict(...)`` stands for."""
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
