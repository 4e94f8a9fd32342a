"""The table of a study, and its checks."""

import copy
import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config
from yaml import YAMLError

from mmmap.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
KEYS = {'seeds', 'pretraining', 'tasks', 'rows'}
EXPONENT = re.compile(r'[-+]?\d+[eE][-+]?\d+')  # text in YAML, as is 1e-3
# Names of rows and tasks become names of files, joined by underscores.
NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9 .+%-]*')


@dataclass(frozen=True)
class Row:
    """A pretraining method.

    Attributes:
        name: What the tables call it.
        options: Changes of the pretraining config, by dotted key.
        everywhere: Changes of all configs, such as the backbone.
        downstream: Changes of the ``tuned`` tasks only, such as the learning
            rate.
        pretrained: Whether there is a pretraining.
        start: Another row, whose pretraining this one shares.
        base: The row that it is compared with.
    """

    name: str
    options: dict = field(default_factory=dict)
    everywhere: dict = field(default_factory=dict)
    downstream: dict = field(default_factory=dict)
    pretrained: bool = True
    start: str = ''
    base: str = 'none'

    @property
    def pretrains(self) -> bool:
        """Whether it has its own pretraining."""
        return self.pretrained and not self.start


@dataclass(frozen=True)
class Task:
    """A training that is judged by a metric; the pretraining is one, too.

    Attributes:
        name: What the tables call it.
        config: Path from the repository's root.
        data: Folder below ``--data-root``.
        metric: As the library logs it.
        options: Changes of the config, by dotted key.
        seconds: Approximate time of a run, until it is measured.
        seeded: Keys of the config that take the seed of the run.
        tuned: Whether ``downstream`` of the rows changes it.
        arguments: Of ``tools/train.py``, such as ``--amp``.
    """

    name: str
    config: str
    data: str
    metric: str = 'loss'
    options: dict = field(default_factory=dict)
    seconds: float = 100.0
    seeded: list = field(default_factory=list)
    tuned: bool = True
    arguments: list = field(default_factory=list)


class Study:
    """The rows, tasks and seeds of a study.

    Args:
        table: The YAML file.

    Raises:
        InputError: Unknown or missing keys, a value of another type, a row
            or task given twice, an option that a config does not have.
    """

    def __init__(self, table: Path) -> None:
        content = _read(table)
        pretraining = content['pretraining']
        if 'name' in pretraining:
            raise InputError(f'{table}: the pretraining takes no name')
        pretraining = {'name': 'pretraining', **pretraining}
        self.seeds = content['seeds']
        self.pretraining = _parsed(Task, pretraining, table)
        self.tasks = [_parsed(Task, t, table) for t in content['tasks']]
        self.rows = [_parsed(Row, r, table) for r in content['rows']]
        named = [*self.rows, *self.tasks, self.pretraining]
        _once([slug(item.name) for item in named], 'name', table)
        _once(self.seeds, 'seed', table)
        names = {row.name: row for row in self.rows}
        for row in self.rows:
            if row.base not in names and row.base != 'none':
                raise InputError(
                    f'{table}: {row.name} has no base {row.base!r}'
                )
            if row.start:
                _check_start(row, names.get(row.start), table)
        for task in (self.pretraining, *self.tasks):
            if not (ROOT / task.config).is_file():
                raise InputError(f'{table}: there is no {task.config}')
        try:
            _once([self._content(row) for row in self.rows], 'row', table)
        except KeyError as error:
            raise InputError(f'{table}: {error.args[0]}') from error

    def _content(self, row: Row) -> str:
        """All configs of a row, as text: equal for the same runs."""
        seed = self.seeds[0]
        texts = [
            text_of(resolved(t.config, changes_of(t, row, seed)))
            for t in self.tasks
        ]
        if row.pretrained:
            changes = changes_of(self.pretraining, row, seed, pretrains=True)
            texts.append(text_of(resolved(self.pretraining.config, changes)))
        return f'{row.pretrained} {row.start} {texts}'


def _check_start(row: Row, start: Row | None, table: Path) -> None:
    """Check that a row can share the pretraining of another."""
    where = f'{table}: {row.name} starts from {row.start!r}'
    if not (start and start.pretrains):
        raise InputError(
            f'{where}, which is not a row with a pretraining of its own'
        )
    if not row.pretrained:
        raise InputError(f'{where} and has pretrained: false')
    if row.everywhere != start.everywhere:
        raise InputError(
            f'{where} and must have the same everywhere, because they share '
            'a pretraining'
        )


def changes_of(
    task: Task, row: Row, seed: int, pretrains: bool = False
) -> dict:
    """What a run changes in the config of a task, or of the pretraining."""
    own = row.options if pretrains else row.downstream if task.tuned else {}
    seeded = dict.fromkeys(['randomness.seed', *task.seeded], seed)
    return {**task.options, **row.everywhere, **own, **seeded}


def slug(name: str) -> str:
    """A name as a part of a file's."""
    return name.replace(' ', '-')


def flat(options: Mapping) -> dict:
    """Options with one dotted key per value, also for values in dicts.

    A dict takes the place of what was there.
    """
    result = {}
    for key, value in options.items():
        if isinstance(value, dict):
            inner = {f'{key}.{k}': v for k, v in value.items()}
            result |= {f'{key}._delete_': True, **flat(inner)}
        else:
            number = isinstance(value, str) and EXPONENT.fullmatch(value)
            result[key] = float(value) if number else value
    return result


def resolved(config: str, options: Mapping) -> Config:
    """A config with its options.

    Raises:
        KeyError: It has no such setting, or one excludes another.
    """
    changed = copy.deepcopy(_config(config))
    for key in options:
        _check_key(changed, key, config)
    try:
        changed.merge_from_dict(flat(options))
    except TypeError as error:  # such as a setting in one that becomes None
        raise KeyError(f'{config} cannot have {options}: {error}') from error
    return changed


def text_of(config: Config) -> str:
    """Equal for equal configs."""
    return json.dumps(config.to_dict(), default=str, sort_keys=True)


@functools.lru_cache
def _config(path: str) -> Config:
    return Config.fromfile(ROOT / path)


def _check_key(config: Config, key: str, name: str) -> None:
    node, (*path, last) = config._cfg_dict, key.split('.')
    for part in path:
        if isinstance(node, list | tuple) and part.isdigit():
            node = node[int(part)] if int(part) < len(node) else None
        else:
            node = node.get(part) if isinstance(node, Mapping) else None
        if node is None:
            raise KeyError(f'{name} has no {part}, which {key} would change')
    # A class checks its own arguments when it is built.
    if isinstance(node, list | tuple):
        known = last.isdigit() and int(last) < len(node)
    else:
        known = isinstance(node, Mapping) and ('type' in node or last in node)
    if not known:
        raise KeyError(f'{name} has no {key}')


def _read(table: Path) -> dict:
    """The table, with what it inherits by ``_base_``, as configs do."""
    if not table.is_file():
        raise FileNotFoundError(f'there is no table {table}')
    try:
        content = Config.fromfile(table).to_dict()
    except AttributeError as error:  # of no dict
        raise InputError(
            f'{table} is empty or a list; a table has '
            f'{", ".join(sorted(KEYS))}'
        ) from error
    # A key that mmengine reserves is a KeyError, other bytes a ValueError,
    # another suffix an OSError.
    except (KeyError, OSError, TypeError, ValueError, YAMLError) as error:
        raise InputError(f'{table} is not a table in YAML: {error}') from error
    if set(content) != KEYS:
        raise InputError(
            f'{table} must have {", ".join(sorted(KEYS))}; '
            f'it has {", ".join(map(str, content)) or "nothing"}'
        )
    for key, kind in (('seeds', int), ('tasks', dict), ('rows', dict)):
        values = content[key]
        right = isinstance(values, list) and all(
            isinstance(v, kind) and not isinstance(v, bool) for v in values
        )
        if not (right and values):
            raise InputError(f'{table}: {key} must be a list, got {values!r}')
    if min(content['seeds']) < 0:
        raise InputError(f'{table}: a seed is negative: {content["seeds"]}')
    if not isinstance(content['pretraining'], dict):
        raise InputError(f'{table}: pretraining must have config and data')
    return content


def _parsed(kind: type, values: dict, table: Path):
    unknown = set(values) - set(kind.__annotations__)
    if unknown:
        raise InputError(
            f'{table}: {values.get("name", kind.__name__)} has '
            f'{", ".join(sorted(map(str, unknown)))}, which is none of '
            f'{", ".join(kind.__annotations__)}'
        )
    try:
        item = kind(**values)
    except TypeError as error:
        raise InputError(f'{table}: {values}: {error}') from error
    for name, expected in kind.__annotations__.items():
        value = getattr(item, name)
        expected = (int, float) if expected is float else expected
        texts = value if expected in (dict, list) else ()
        if not isinstance(value, expected) or not all(
            isinstance(text, str) for text in texts
        ):
            raise InputError(f'{table}: {values}: {name} cannot be {value!r}')
    if not NAME.fullmatch(item.name):
        raise InputError(
            f'{table}: a name is made of letters, digits, spaces and .+%-, '
            f'got {item.name!r}'
        )
    if isinstance(item, Row) and item.options and not item.pretrains:
        raise InputError(
            f'{table}: {item.name} has no pretraining of its own, so its '
            'options change nothing'
        )
    return item


def _once(values: list, what: str, table: Path) -> None:
    twice = sorted({str(v) for v in values if values.count(v) > 1})
    if twice:
        runs = ', '.join(twice) if len(twice[0]) < 80 else 'the same runs'
        raise InputError(f'{table}: {what} given twice: {runs}')
