"""mmengine's logs in a work_dir, as curves over the iterations.

Each start of a run has its own folder, named after the time, with one JSON
object per line in ``vis_data/scalars.json``. A resumed run repeats the steps
after its last checkpoint; here the later ones count.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Not about the model: counters, and the step itself.
_COUNTERS = {'epoch', 'iter', 'step'}
_SCALARS = 'vis_data/scalars.json'


@dataclass
class Curve:
    """Values by increasing iteration.

    Attributes:
        steps: Iterations, from 1.
        values: One for each step.
    """

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: int, value: float) -> None:
        """Add a value, and drop earlier values at or after its step."""
        while self.steps and self.steps[-1] >= step:
            self.steps.pop()
            self.values.pop()
        self.steps.append(step)
        self.values.append(value)

    def cut(self, step: int) -> None:
        """Drop the values at or after a step."""
        kept = sum(s < step for s in self.steps)
        del self.steps[kept:], self.values[kept:]


@dataclass
class Log:
    """All starts in a work_dir, as one run.

    Attributes:
        train: Curves of training, by name.
        val: Curves of validation, by name.
        test: Metrics of the last test.
        starts: Each start's folder, and its first logged step.
        epoch: The last logged epoch, or None in iteration-based runs.
        torn: Number of invalid lines, for example of a killed run.
    """

    train: dict[str, Curve] = field(default_factory=dict)
    val: dict[str, Curve] = field(default_factory=dict)
    test: dict[str, float] = field(default_factory=dict)
    starts: list[tuple[str, int]] = field(default_factory=list)
    epoch: int | None = None
    torn: int = 0

    @property
    def step(self) -> int:
        """The last logged iteration, or 0."""
        curves = self.train.values()
        return max((c.steps[-1] for c in curves if c.steps), default=0)


def read_log(work_dir: str | Path) -> Log:
    """Read all logs of a work_dir.

    Raises:
        FileNotFoundError: No such folder.
    """
    work_dir = Path(work_dir)
    if not work_dir.is_dir():
        raise FileNotFoundError(
            f'no folder at {work_dir}; name the work_dir of a run, such as '
            'work_dirs/CONFIG'
        )
    log = Log()
    for start in starts_of(work_dir):
        _read_training(log, start)
        log.test = _tested(start) or log.test
    return log


def starts_of(work_dir: Path) -> list[Path]:
    """The folders of a run's starts, by the time in their names."""
    found = {path.parent for path in work_dir.glob('*/*.log')}
    found |= {path.parents[1] for path in work_dir.glob(f'*/{_SCALARS}')}
    return sorted(found)


def trainings_of(work_dir: Path) -> list[Path]:
    """The starts that trained, or all if none did.

    A test also writes a config, which may differ from the training's.
    """
    starts = starts_of(work_dir)
    return [s for s in starts if (s / _SCALARS).is_file()] or starts


def _read_training(log: Log, start: Path) -> None:
    """Add one start's curves."""
    file = start / _SCALARS
    step = None
    for line in _lines(log, file) if file.is_file() else ():
        training = 'iter' in line
        if step is None:
            step = int(line['step']) if training else 0
            log.starts.append((start.name, step))
            if training:
                for curve in (*log.train.values(), *log.val.values()):
                    curve.cut(step)
        if training:
            step = int(line['step'])
            log.epoch = line.get('epoch')
        # Validation counts epochs or iterations, depending on the config,
        # and follows the training that it evaluates.
        where = step if training else max(int(line['step']), step)
        curves = log.train if training else log.val
        for name, value in line.items():
            if name not in _COUNTERS:
                curves.setdefault(name, Curve()).add(where, value)


def _lines(log: Log, file: Path) -> Iterator[dict[str, float]]:
    """The numbers of each valid line."""
    for text in file.read_text(errors='replace').splitlines():
        numbers = _numbers(text)
        if 'step' in numbers and math.isfinite(numbers['step']):
            yield numbers
        elif text.strip():
            log.torn += 1


def _numbers(text: str) -> dict[str, float]:
    """Of a JSON object; nothing of another text."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        name: value for name, value in content.items() if _is_number(value)
    }


def _is_number(value: object) -> bool:
    """Whether a value can be drawn; a torn line may have a huge integer."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, float) or (whole and abs(value) < 2**63)


def _tested(start: Path) -> dict[str, float]:
    """The metrics that testing wrote beside its log."""
    file = start / f'{start.name}.json'
    text = file.read_text(errors='replace') if file.is_file() else ''
    return {
        name: value
        for name, value in _numbers(text).items()
        if name not in ('time', 'data_time')
    }
