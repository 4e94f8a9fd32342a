"""The runs of a study: their configs, commands and results."""

import functools
import hashlib
import json
import math
import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config

from mmmap.errors import InputError
from mmmap.writing import written_whole

from .side_by_side import Step
from .summary import read_result
from .table import ROOT, Row, Task, changes_of, resolved, slug, text_of

# repr() writes these names.
CONFIG = """{settings}
inf, nan = float('inf'), float('nan')
{content}
del inf, nan
"""


@dataclass(frozen=True)
class Run:
    """One training of a study.

    Attributes:
        row: Its pretraining.
        task: What is trained.
        seed: Of torch, numpy and Python.
        out: Folder of the study.
        data_root: Folder of the data.
        pretrains: Whether it is the pretraining itself.
        start: The pretraining that it starts from, if any.
    """

    row: Row
    task: Task
    seed: int
    out: Path
    data_root: Path
    pretrains: bool = False
    start: 'Run | None' = None

    @property
    def name(self) -> str:
        """Of its files."""
        row, task = slug(self.row.name), slug(self.task.name)
        return f'{row}_{task}_seed{self.seed}'

    @property
    def work_dir(self) -> Path:
        """Where it is trained."""
        return self.out / 'work_dirs' / self.name

    @property
    def data(self) -> Path:
        """Folder of its data."""
        return self.data_root / self.task.data

    @property
    def files(self) -> str:
        """A digest of the files in this folder."""
        return contents(self.data)

    @property
    def result(self) -> Path:
        """Its JSON file."""
        return self.out / 'runs' / f'{self.name}.json'

    @property
    def file(self) -> Path:
        """Its config, whole, as it is trained."""
        return self.out / 'configs' / f'{self.name}.py'

    def options(self) -> dict:
        """All that is changed in the config but where it starts from."""
        return changes_of(self.task, self.row, self.seed, self.pretrains)

    @functools.cached_property
    def config(self) -> Config:
        """With these options."""
        return resolved(self.task.config, self.options())

    @property
    def epochs(self) -> int:
        """How long it is trained.

        Raises:
            InputError: It is not trained by epochs.
        """
        epochs = (self.config.get('train_cfg') or {}).get('max_epochs')
        if epochs is None:
            raise InputError(
                f'{self.task.config} has no train_cfg.max_epochs: a study '
                'trains by epochs'
            )
        return epochs

    @property
    def last(self) -> Path:
        """The checkpoint that it leaves."""
        return self.work_dir / f'epoch_{self.epochs}.pth'

    def write(self) -> None:
        """Write its config.

        Command lines cannot hold all values, and a study may take longer than
        the configs that it began with stay as they are.
        """
        config = self.config.to_dict()
        if not self.pretrains:
            # None where the config has a checkpoint of its own, too.
            config['model']['backbone']['init_cfg'] = self.start and dict(
                type='Pretrained',
                checkpoint=str(self.start.last),
                prefix='backbone.',
            )
            # What is tested after a kill is what would have been validated.
            config['test_dataloader'] = config['val_dataloader']
            config['test_evaluator'] = config['val_evaluator']
            config['test_cfg'] = {**config['val_cfg'], 'type': 'TestLoop'}
        content = '\n'.join(f'{k} = {v!r}' for k, v in config.items())
        with written_whole(self.file) as partial:
            partial.write_text(
                CONFIG.format(settings=self._heading(), content=content)
            )

    def _heading(self) -> str:
        return f'# settings {self.settings()}, data {self.files}'

    def check_begun(self) -> None:
        """Check that an unfinished training has these settings.

        Raises:
            InputError: It was begun with others.
        """
        if not (self.file.is_file() and self.work_dir.is_dir()):
            return
        if self.file.read_text().splitlines()[:1] != [self._heading()]:
            raise InputError(
                f'{self.work_dir} was begun with other settings (the data, '
                'the config or the table, or those of the pretraining, have '
                'changed since); name another folder with --out, or remove it'
            )

    def argv(self) -> list:
        """The command: to train, or to test what was killed before that."""
        trained = not self.pretrains and self.last.is_file()
        if trained and self.value() is None:
            argv = [ROOT / 'tools/test.py', self.file, self.last]
        else:
            argv = [ROOT / 'tools/train.py', self.file]
            argv += ['--resume', *self.task.arguments]
        return [*argv, '--work-dir', self.work_dir, '--data-root', self.data]

    def settings(self) -> str:
        """A digest of all that its number depends on, but for the data."""
        before = self.start and self.start.settings()
        text = f'{text_of(self.config)} {self.task.data} {before}'
        return _digest(text + ' '.join(self.task.arguments))

    def done(self) -> bool:
        """Whether its result is there.

        Raises:
            InputError: It is one of another run, of other settings, data or
                metric, or no result.
        """
        if not self.result.is_file():
            return False
        found = read_result(self.result)
        own = dict(row=self.row.name, task=self.task.name, seed=self.seed)
        other = {k: found[k] for k in own if found[k] != own[k]}
        if other:
            raise InputError(
                f'{self.result} is the result of another run ({other}): '
                'remove it'
            )
        cure = (
            'name another folder with --out, or remove this file and '
            f'{self.work_dir}'
        )
        if found.get('settings') != self.settings():
            raise InputError(
                f'{self.result} was run with other settings (the config or '
                'the table, or those of the pretraining, have changed since); '
                f'{cure}'
            )
        # Without its data, a result can still be summed up.
        if self.data.is_dir() and found.get('files') != self.files:
            raise InputError(
                f'{self.result} was run with other data: files of {self.data} '
                f'have been added, removed or changed since; {cure}'
            )
        if found['metric'] != self.task.metric:
            raise InputError(
                f'{self.result} has {found["metric"]}, and the table asks for '
                f'{self.task.metric}: remove this file, and the same command '
                'takes the other number from the logs'
            )
        return True

    def value(self) -> float | None:
        """The metric after the last epoch, None where it was not logged."""
        return self._logged().get(self.task.metric)

    def _logged(self) -> dict[str, float]:
        """The last numbers of the last epoch, of training or of a test."""
        found = {}
        for start in sorted(path for path in self.work_dir.glob('*/')):
            scalars = start / 'vis_data/scalars.json'
            tested = start / f'{start.name}.json'
            if scalars.is_file():
                for text in scalars.read_text().splitlines():
                    with suppress(ValueError):  # the last line of a killed run
                        line = json.loads(text)
                        if line.get('epoch', line.get('step')) == self.epochs:
                            found |= line
            if tested.is_file():
                found |= json.loads(tested.read_text())
        return found

    def keep(self, seconds: float) -> None:
        """Write the result.

        Raises:
            InputError: The run has not logged the metric, or no finite one.
        """
        value = self.value()
        if value is None:
            raise InputError(
                f'{self.work_dir} has no {self.task.metric} after epoch '
                f'{self.epochs} in its logs; it has '
                f'{", ".join(sorted(self._logged())) or "nothing"}'
            )
        if not math.isfinite(value):
            raise InputError(
                f'{self.row.name}, {self.task.name}, seed {self.seed} has '
                f'diverged: its {self.task.metric} is {value}; lower the '
                f'learning rate, or remove {self.work_dir} to train it again'
            )
        content = dict(
            row=self.row.name,
            task=self.task.name,
            seed=self.seed,
            metric=self.task.metric,
            value=value,
            seconds=round(seconds),
            settings=self.settings(),
            options=self.options(),
            config=self.task.config,
            data=str(self.data),
            files=self.files,
            commit=_commit(),
            torch=torch.__version__,
        )
        with written_whole(self.result) as partial:
            partial.write_text(json.dumps(content, indent=1, default=str))

    def step(self) -> Step:
        """It as a command to run."""
        self.write()
        title = f'{self.row.name}, {self.task.name}, seed {self.seed}'
        seconds = self.task.seconds
        return Step(
            title, self.argv(), seconds, self.done, self.keep, self.pretrains
        )


@functools.cache
def contents(folder: Path) -> str:
    """A digest of the names and sizes of its files, without hidden ones."""
    files = []
    for place, inside, names in os.walk(folder, followlinks=True):
        inside[:] = [name for name in inside if not name.startswith('.')]
        for name in names:
            path = Path(place, name)
            if not name.startswith('.') and path.is_file():
                size = path.stat().st_size
                files.append(f'{path.relative_to(folder)} {size}')
    return _digest('\n'.join(sorted(files)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _commit() -> str:
    command = ['git', 'rev-parse', '--short', 'HEAD']
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
    return 'unknown'
