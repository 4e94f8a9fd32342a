"""Config files, and settings of the command line that override them."""

import ast
import difflib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from ..errors import InputError

# OpenMMLab gives dicts to settings of these names.
_DICTS = ('_cfg', '_dataloader')
# Words that some settings take instead of a number.
_WORDS = ('auto', 'dynamic', 'epoch', 'global', 'none', 'same', 'valid')


def open_config(path: str | Path) -> Config:
    """Open a config file.

    Raises:
        FileNotFoundError: No such config.
        InputError: It is a folder, or not a valid config.
    """
    if Path(path).is_dir():
        raise InputError(
            f'{path} is a folder, expected a config file, such as '
            f'{next(Path(path).glob("*.py"), Path(path, "NAME.py"))}'
        )
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'no config at {path}; configs/README.md lists the configs'
        )
    try:
        return Config.fromfile(path)
    # A config is a program and may raise anything.
    except Exception as error:
        raise InputError(
            f'{path}, or what it inherits, is not a config: '
            f'{type(error).__name__}: {error}'
        ) from error


def open_model_config(path: str | Path) -> Config:
    """Open a config file that has a model.

    Raises:
        FileNotFoundError: No such file.
        InputError: It is not a config, or has no model.
    """
    config = open_config(path)
    if not isinstance(config.get('model'), dict):
        raise InputError(
            f'{path} has no model; give the config the checkpoint was '
            'trained with'
        )
    return config


def override(config: Config, settings: Mapping[str, str]) -> None:
    """Apply ``--cfg-options`` to a config.

    Args:
        config: Changed in place.
        settings: Values by dotted key, as typed.

    Raises:
        InputError: mmengine does not take a setting of this form, or the
            config has no place for it.
    """
    options: dict = {}
    for key, text in settings.items():
        _refuse_dict(config, key, text)
        _refuse_typo(config, key)
        options |= dict.fromkeys(_filled(config, key, settings), True)
        options[key] = _value(config, key, text)
    config.merge_from_dict(options)


def _refuse_dict(config: Config, key: str, text: str) -> None:
    """Refuse a dict written as text, and say what to type instead."""
    try:
        node = ast.parse(text.strip(), mode='eval').body
    except SyntaxError:
        node = None
    if isinstance(node, ast.List | ast.Tuple):
        if any(map(_is_dict, node.elts)):
            raise InputError(
                f'--cfg-options {key} takes no list of dicts: write it into '
                f'a config file, or change one dict by its index: {key}.0.'
                'KEY=VALUE'
            )
    elif _is_dict(node) or text.startswith(('{', 'dict(')):
        forms = [f'{key}.KEY=VALUE'] if node is None else _forms(key, node)
        old = _old(config, key)
        if isinstance(old, dict) and 'type' in old and len(forms) > 1:
            # Otherwise the arguments of the old type would stay.
            forms.insert(0, f'{key}._delete_=True')
        raise InputError(
            f'--cfg-options {key} takes no dict, got {text}; give each '
            f'setting in it: --cfg-options {" ".join(forms)}'
        )


def _is_dict(node: ast.AST | None) -> bool:
    call = isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict'
    return call or isinstance(node, ast.Dict)


def _forms(key: str, node: ast.AST) -> list[str]:
    """``KEY.SUB=VALUE`` for each value in a dict."""
    if not _is_dict(node):
        value = ast.unparse(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            value = node.value
        return [f'{key}={value}']
    if isinstance(node, ast.Call):
        pairs = [(pair.arg, pair.value) for pair in node.keywords]
    else:
        pairs = [
            (getattr(name, 'value', 'KEY'), value)
            for name, value in zip(node.keys, node.values)
        ]
    return [f for name, value in pairs for f in _forms(f'{key}.{name}', value)]


def _refuse_typo(config: Config, key: str) -> None:
    first = key.split('.')[0]
    if first in config or first in inspect.signature(Runner).parameters:
        return
    close = difflib.get_close_matches(first, config, n=1, cutoff=0.8)
    if close:
        raise InputError(
            f'--cfg-options {key}: the config has no {first}; did you mean '
            f'{close[0]}{key[len(first) :]}?'
        )


def _filled(config: Config, key: str, settings: Mapping) -> Iterator[str]:
    """Keys that turn each None above a setting into a dict.

    Raises:
        InputError: Something other than a dict or a list is there.
    """
    parts = key.split('.')
    for depth in range(1, len(parts)):
        above = '.'.join(parts[:depth])
        try:
            node = _found(config, parts[:depth])
        except KeyError:
            return  # mmengine turns it into a dict
        if node is None and f'{above}.type' in settings:
            yield f'{above}._delete_'
        elif node is None:
            raise InputError(
                f'--cfg-options {key}: {above} is None in the config; give '
                f'its type too: {above}.type=NAME {key}={settings[key]}'
            )
        elif isinstance(node, list | tuple):
            _check_place(key, above, node, parts[depth])
        elif not isinstance(node, dict):
            raise InputError(
                f'--cfg-options {key}: {above} is {node!r} in the config, '
                f'not a dict; replace it whole: {above}=VALUE'
            )


def _check_place(key: str, above: str, items: list, part: str) -> None:
    if not part.isdigit() or int(part) >= len(items):
        raise InputError(
            f'--cfg-options {key}: {above} is a list of {len(items)}, '
            f'expected an index from 0 to {len(items) - 1}, got {part}'
        )


def _value(config: Config, key: str, text: str):
    """Parse a value as mmengine does, and check it for its key."""
    try:
        value = DictAction._parse_iterable(text)
    except AssertionError as error:
        raise InputError(
            f'--cfg-options {key}={text}: brackets do not match'
        ) from error
    old = _old(config, key)
    typed = isinstance(old, dict) and 'type' in old
    plain = isinstance(value, str | int | float)
    if plain and (typed or key.endswith(_DICTS)):
        names = [name for name in old or () if name != 'type']
        example = names[0] if names else 'KEY'
        raise InputError(
            f'--cfg-options {key} takes a dict, got {value!r}; give each '
            f'setting in it: --cfg-options {key}.type=NAME '
            f'{key}.{example}=VALUE'
        )
    if isinstance(value, str) and isinstance(old, bool | int | float):
        _refuse_text(key, value, old)
    return value


def _refuse_text(key: str, value: str, old: float) -> None:
    """Refuse text that replaces a number or a truth value.

    ``'maybe'`` would count as true, and ``'1e-3x'`` fail in the first step.
    """
    if value in _WORDS or '/' in value:
        return
    kind = 'True or False' if isinstance(old, bool) else 'a number'
    raise InputError(
        f'--cfg-options {key} takes {kind} ({old!r} in the config), got '
        f'{value!r}'
    )


def _old(config: Mapping, key: str):
    """The value that a setting replaces, or None."""
    try:
        return _found(config, key.split('.'))
    except KeyError:
        return None


def _found(config: Mapping, parts: list[str]):
    """The value at a dotted key of a config.

    Raises:
        KeyError: There is none.
    """
    node = config
    for part in parts:
        if isinstance(node, list | tuple) and part.isdigit():
            if int(part) >= len(node):
                raise KeyError(part)
            node = node[int(part)]
        elif isinstance(node, Mapping | Config) and part in node:
            node = node[part]
        else:
            raise KeyError(part)
    return node
