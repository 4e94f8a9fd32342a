"""Differences between configs, setting by setting."""

import inspect
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config
from mmengine.runner import Runner

from ..engine.launch import open_config

# Settings that differ in every run.
_OF_A_RUN = ('experiment_name', 'launcher', 'work_dir')
# The settings that are read; the rest are a config's helper variables.
_READ = {*inspect.signature(Runner.__init__).parameters, 'strategy'}


class Change(NamedTuple):
    """A setting; an empty text if one side does not have it."""

    name: str
    before: str
    after: str


def changes(before: Mapping, after: Mapping) -> list[Change]:
    """Settings in which two configs differ, by name.

    Args:
        before: Settings of a base.
        after: Settings derived from it.
    """
    sides = [dict(_leaves(side)) for side in (before, after)]
    names = sorted(set().union(*sides))
    found = (Change(n, *(s.get(n, '') for s in sides)) for n in names)
    return [
        change
        for change in found
        if change.before != change.after
        and change.name.split('.')[0] not in _OF_A_RUN
    ]


def read_by_runner(settings: Mapping) -> dict:
    """The settings that a runner reads."""
    return {key: settings[key] for key in settings if key in _READ}


def inherited(path: str | Path) -> dict:
    """All settings that a config file inherits; empty without a base.

    Args:
        path: A config file, whose ``_base_`` are run as any config is.
    """
    bases = Config._get_base_files(str(path))
    if not bases:
        return {}
    folder = Path(path).resolve().parent
    whole = [b if '::' in b else str(folder / b) for b in bases]
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary, 'bases.py')
        file.write_text(f'_base_ = {whole!r}\n')
        return settings_of(file)


def _leaves(node: object, name: str = '') -> Iterator[tuple[str, str]]:
    """Names with dots, and values as Python writes them."""
    if isinstance(node, Mapping) and (node or not name):
        for key, value in node.items():
            yield from _leaves(value, f'{name}.{key}' if name else str(key))
    elif _is_list(node) and any(map(_is_nested, node)):
        for index, value in enumerate(node):
            yield from _leaves(value, f'{name}.{index}')
    else:
        yield name, repr(list(node) if _is_list(node) else node)


def _is_list(node: object) -> bool:
    return isinstance(node, list | tuple)


def _is_nested(node: object) -> bool:
    return isinstance(node, Mapping) or _is_list(node)


def nearest_config(
    name: str, folder: str | Path, settings: Mapping
) -> Path | None:
    """The config file of a name whose settings are most similar to others.

    Args:
        name: Name of the file, with its suffix.
        folder: The folder of configs; they are run as any config is.
        settings: Settings of a run.

    Returns:
        The file, or None if there is none of that name.
    """
    return min(
        sorted(Path(folder).rglob(name)) if name else [],
        key=lambda path: len(changes(settings_of(path), settings)),
        default=None,
    )


def settings_of(path: str | Path) -> dict:
    """All settings of a config file, including inherited ones.

    Raises:
        FileNotFoundError: No such config.
        ValueError: It is not valid Python.
    """
    return open_config(path).to_dict()
