"""What the work_dir of a run has, and what is missing.

Nothing in it is run: configs are parsed as text, checkpoints are not read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from mmengine.hooks import CheckpointHook

from ..checkpoints import CheckpointError, check_file
from ..checkpoints.recorded import config_of
from ..datasets.image_folders import list_images
from ..errors import InputError
from ..wording import counted
from .logs import Curve, Log, read_log, trainings_of
from .settings import (
    Change,
    changes,
    inherited,
    nearest_config,
    read_by_runner,
    settings_of,
)

_PICTURES, _OF_A_FOLDER = 12, 4
_LOG_LINES = 12
# What FeatureMonitorHook warns of.
_TROUBLE = re.compile(
    r'\b(epoch \d+: pretraining '
    r'(has collapsed|has diverged|stands still): .*)'
)
_ENVIRONMENT = re.compile(r'^System environment:\n(.*?)^-{20}', re.M | re.S)


@dataclass(frozen=True)
class Checkpoint:
    """A file of weights.

    Attributes:
        name: Name of the file.
        size: Bytes.
        written: Date in UTC.
        problem: What is wrong with it, or ''.
    """

    name: str
    size: int
    written: str
    problem: str


@dataclass(frozen=True)
class Metric:
    """A quantity of validation, with the iterations of its values."""

    name: str
    best: float
    best_step: int
    last: float
    last_step: int


@dataclass
class WorkDir:
    """A run, as found in its folder.

    Attributes:
        path: The folder.
        log: Its curves.
        config_name: File name of its config, '' if there is none.
        config: The settings of the last start.
        config_text: The same as text.
        comparisons: Changes of settings, by the name of the comparison.
        checkpoints: Sorted by time.
        pictures: A selection of the newest.
        environment: Names and values from the log.
        log_end: The last lines of the log.
        warnings: What is wrong with a pretraining; in ``missing``, too.
        missing: What is missing or wrong.
    """

    path: Path
    log: Log
    config_name: str = ''
    config: dict = field(default_factory=dict)
    config_text: str = ''
    comparisons: dict[str, list[Change]] = field(default_factory=dict)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)
    environment: list[tuple[str, str]] = field(default_factory=list)
    log_end: str = ''
    warnings: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def model(self) -> str:
        """Type of the model, or '' without a config."""
        model = self.config.get('model')
        return str(model.get('type', '')) if isinstance(model, dict) else ''

    @property
    def progress(self) -> tuple[int, int | None, str]:
        """The last logged step, the total (None: unknown), and the unit."""
        loop = self.config.get('train_cfg')
        loop = loop if isinstance(loop, dict) else {}
        done = dict(epoch=self.log.epoch or 0, iter=self.log.step)
        for unit in done:
            goal = loop.get(f'max_{unit}s')
            if isinstance(goal, int):
                return done[unit], goal, unit
        return self.log.step, None, 'iter'

    @property
    def finished(self) -> bool:
        """Whether the final checkpoint of a run exists."""
        _, goal, unit = self.progress
        return f'{unit}_{goal}.pth' in {c.name for c in self.checkpoints}


def look_at(
    path: str | Path,
    base: str | Path | None = None,
    configs: str | Path | None = None,
) -> WorkDir:
    """Collect what the work_dir of a run holds.

    Args:
        path: The folder.
        base: The original config file, to find changes by the command line;
            it is run as any config is.
        configs: Without ``base``, the folder to search for it by name.

    Raises:
        FileNotFoundError: No such folder or base.
        InputError: The folder has no files of a run.
    """
    folder = Path(path)
    found = WorkDir(folder, read_log(folder))
    starts = trainings_of(folder)
    found.checkpoints = _checkpoints(folder)
    _read_config(found, starts)
    if not (starts or found.checkpoints or found.config):
        raise InputError(
            f'{folder} holds no log, no checkpoint and no config of mmengine; '
            'name the work_dir of a run'
        )
    found.pictures = _pictures(folder)
    logs = [file for start in starts for file in sorted(start.glob('*.log'))]
    if logs:
        text = logs[-1].read_text(errors='replace')
        found.log_end = '\n'.join(text.splitlines()[-_LOG_LINES:])
        found.environment = _environment(text)
        found.warnings = _warnings(text)
    _compare(found, starts, base, configs)
    found.missing = [*found.warnings, *found.missing, *_missing(found)]
    return found


def metrics_of(curves: Mapping[str, Curve]) -> list[Metric]:
    """Best and last value of each quantity of validation."""
    return [
        _metric(name, curve)
        for name, curve in curves.items()
        if curve.steps and name not in ('time', 'data_time')
    ]


def _metric(name: str, curve: Curve) -> Metric:
    # mmengine's rule for the best checkpoint.
    less = any(key in name for key in CheckpointHook._default_less_keys)
    pairs = [(v, s) for v, s in zip(curve.values, curve.steps) if v == v]
    pick = min if less else max
    value, step = pick(
        pairs or [(curve.values[-1], curve.steps[-1])], key=lambda p: p[0]
    )
    return Metric(name, value, step, curve.values[-1], curve.steps[-1])


def _checkpoints(folder: Path) -> list[Checkpoint]:
    files = [*folder.glob('*.pth'), *folder.glob('*.safetensors')]
    files = [file for file in files if file.is_file()]
    found = []
    for file in sorted(files, key=lambda f: (f.stat().st_mtime, f.name)):
        problem = ''
        try:
            check_file(file)
        except CheckpointError:
            problem = 'truncated'
        stat = file.stat()
        when = datetime.fromtimestamp(stat.st_mtime, timezone.utc)
        date = when.strftime('%Y-%m-%d %H:%M')
        found.append(Checkpoint(file.name, stat.st_size, date, problem))
    return found


def _read_config(found: WorkDir, starts: list[Path]) -> None:
    """The settings of the last start, and the name of their file."""
    dumped = sorted(found.path.glob('*.py'), key=lambda f: f.stat().st_mtime)
    if dumped:
        found.config_name = dumped[-1].name
    of_starts = [start / 'vis_data/config.py' for start in starts]
    for file in [*dumped, *of_starts]:
        if file.is_file():
            found.config_text = file.read_text(errors='replace')
    found.config = config_of(found.config_text)


def _compare(found, starts, base, configs) -> None:
    """Compare settings with the previous start, the file and its bases."""
    files = [start / 'vis_data/config.py' for start in starts]
    files = [file for file in files if file.is_file()]
    for old, new in zip(files, files[1:]):
        sides = (config_of(f.read_text(errors='replace')) for f in (old, new))
        title = f'From the start of {old.parts[-3]} to that of {new.parts[-3]}'
        found.comparisons[title] = changes(*sides)
    if base is None and configs:
        base = nearest_config(found.config_name, configs, found.config)
    if base is None:
        found.missing.append(
            f'{found.config_name or "the config"} was not found among the '
            'configs: what the command line changed, and what the config sets '
            'beyond what it inherits, are not shown; name it with --base'
        )
        return
    whole = settings_of(base)
    title = f'What the command line changed in {base}'
    found.comparisons[title] = changes(whole, found.config)
    title = f'What {base} sets beyond what it inherits'
    sides = map(read_by_runner, (inherited(base), whole))
    found.comparisons[title] = changes(*sides)


def _pictures(folder: Path) -> list[Path]:
    """The newest pictures, some of each folder."""
    files = map(Path, list_images(folder))
    files = [f for f in files if f.is_file() and not f.is_symlink()]
    # Class maps hold numbers of classes, and look black.
    files = [
        f for f in files if 'class_maps' not in f.relative_to(folder).parts
    ]
    files.sort(key=lambda f: (-f.stat().st_mtime, f.name))
    taken: dict[Path, int] = {}
    chosen = []
    for file in files:
        taken[file.parent] = taken.get(file.parent, 0) + 1
        if taken[file.parent] <= _OF_A_FOLDER:
            chosen.append(file)
    return chosen[:_PICTURES]


def _environment(log: str) -> list[tuple[str, str]]:
    found = _ENVIRONMENT.findall(log)
    lines = found[-1].splitlines() if found else []
    pairs = (line.strip().partition(': ') for line in lines)
    return [(name, value) for name, _, value in pairs if value]


def _warnings(log: str) -> list[str]:
    """The last warning of each kind."""
    return list({kind: line for line, kind in _TROUBLE.findall(log)}.values())


def _missing(found: WorkDir) -> list[str]:
    """What is missing or wrong, in sentences."""
    done, goal, unit = found.progress
    last = found.path / 'last_checkpoint'
    noted = last.read_text(errors='replace').strip() if last.is_file() else ''
    broken = [c.name for c in found.checkpoints if c.problem]
    whole = len(found.checkpoints) - len(broken)
    table = [
        (not found.config, 'no config that can be read'),
        (not found.log.train, 'no curve of training was logged'),
        (
            goal is not None and not found.finished,
            f'not finished, or its last checkpoint was removed: {unit} '
            f'{done} of {goal} was logged last',
        ),
        (
            not found.log.val,
            'no validation was logged (pretraining has none)',
        ),
        (
            found.log.val and not metrics_of(found.log.val),
            'validation gave no metric: a detector that found nothing at all '
            'has none',
        ),
        (not whole, 'no whole checkpoint'),
        (broken, f'truncated checkpoints: {", ".join(broken)}'),
        (
            noted and Path(noted).name not in {
                c.name for c in found.checkpoints
            },
            f'last_checkpoint names {noted}, which is not here',
        ),
        (
            not found.pictures,
            'no pictures; tools/test.py with --show-dir '
            f'{found.path}/pictures draws predictions',
        ),
        (not found.environment, 'no log with the environment'),
        (
            found.log.torn,
            counted(found.log.torn, 'line is', 'lines are')
            + ' missing here, damaged in the log',
        ),
    ]  # fmt: skip
    return [sentence for wrong, sentence in table if wrong]
