"""Compare pretraining methods: a table of rows, each with several seeds.

A study is a YAML file whose rows list only their differences.
Each row is pretrained, then every task is trained from that checkpoint and
tested; each run has its config in OUT/configs and writes a JSON file to
OUT/runs.

    python tools/study.py configs/study/digits.yml --data-root data/digits

Finished runs are not repeated: after an interruption, the same command
continues. At the end, or immediately with ``--summary``, it writes means and
deviations to OUT/results.md and OUT/results.png.
"""

import argparse
import copy
import fcntl
import functools
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mmmap import cli
from mmmap.errors import InputError


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('table', type=Path, help='a YAML file')
    parser.add_argument('--data-root', type=Path, default='data')
    parser.add_argument(
        '--out',
        type=Path,
        help='(default: work_dirs/study/TABLE)',
    )
    parser.add_argument('--rows', nargs='+', metavar='ROW')
    parser.add_argument('--tasks', nargs='+', metavar='TASK')
    parser.add_argument('--seeds', nargs='+', type=int, metavar='SEED')
    parser.add_argument(
        '--jobs', type=int, default=2, help='runs at a time (default 2)'
    )
    parser.add_argument(
        '--summary',
        action='store_true',
        help='of finished runs only',
    )
    args = parser.parse_args(argv)
    if args.jobs < 1:
        parser.error(f'--jobs must be at least 1, got {args.jobs}')
    args.out = args.out or Path('work_dirs/study') / args.table.stem
    return args


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from experiments.side_by_side import Progress, Step, run_stage
from experiments.summary import read_result, summarise
from experiments.table import (
    ROOT,
    Row,
    Study,
    Task,
    changes_of,
    resolved,
    slug,
    text_of,
)
from mmengine.config import Config
from mmengine.registry import METRICS, MODELS, DefaultScope
from train import parse_args as parse_training

from mmmap.engine.numbers import check_numbers
from mmmap.writing import written_whole

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
        return f'# settings {self.settings()}'

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
        if trained and last_value(self) is None:
            argv = [ROOT / 'tools/test.py', self.file, self.last]
        else:
            argv = [ROOT / 'tools/train.py', self.file]
            argv += ['--resume', *self.task.arguments]
        return [*argv, '--work-dir', self.work_dir, '--data-root', self.data]

    def settings(self) -> str:
        """A digest of all that its number depends on."""
        before = self.start and self.start.settings()
        text = f'{text_of(self.config)} {self.data} {before}'
        text += ' '.join(self.task.arguments)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def done(self) -> bool:
        """Whether its result is there.

        Raises:
            InputError: It is one of other settings or of another metric, or no
                result.
        """
        if not self.result.is_file():
            return False
        found = read_result(self.result)
        if found.get('settings') != self.settings():
            raise InputError(
                f'{self.result} was run with other settings (the data, the '
                'config or the table, or those of the pretraining, have '
                'changed since); name another folder with --out, or remove '
                f'this file and {self.work_dir}'
            )
        if found['metric'] != self.task.metric:
            raise InputError(
                f'{self.result} has {found["metric"]}, and the table asks for '
                f'{self.task.metric}: remove this file, and the same command '
                'takes the other number from the logs'
            )
        return True

    def keep(self, seconds: float) -> None:
        """Write the result.

        Raises:
            InputError: The run has not logged the metric.
        """
        value = last_value(self)
        if value is None:
            raise InputError(
                f'{self.work_dir} has no {self.task.metric} after epoch '
                f'{self.epochs} in its logs; it has '
                f'{", ".join(sorted(_logged(self))) or "nothing"}'
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
        return Step(title, self.argv(), seconds, self.done, self.keep)


def last_value(run: Run) -> float | None:
    """The metric after the last epoch, None where it was not logged."""
    return _logged(run).get(run.task.metric)


def _logged(run: Run) -> dict[str, float]:
    """The last numbers of the last epoch, of training or of a test."""
    found = {}
    for start in sorted(path for path in run.work_dir.glob('*/')):
        scalars, tested = start / 'vis_data/scalars.json', f'{start.name}.json'
        if scalars.is_file():
            for text in scalars.read_text().splitlines():
                with suppress(ValueError):  # the last line of a killed run
                    line = json.loads(text)
                    if line.get('epoch', line.get('step')) == run.epochs:
                        found |= line
        if (start / tested).is_file():
            found |= json.loads((start / tested).read_text())
    return found


def _commit() -> str:
    command = ['git', 'rev-parse', '--short', 'HEAD']
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
    return 'unknown'


def lanes(study: Study, args: argparse.Namespace) -> list[list[Run]]:
    """For each seed and row its pretraining and the tasks after it."""
    rows = _chosen(args.rows, {row.name: row for row in study.rows})
    seeds = _chosen(args.seeds, {seed: seed for seed in study.seeds})
    tasks = _chosen(args.tasks, {task.name: task for task in study.tasks})
    place = dict(out=args.out.resolve(), data_root=args.data_root.resolve())
    known = {row.name: row for row in study.rows}
    made: dict[tuple[int, str], list[Run]] = {}
    for seed in seeds:
        for row in rows:
            origin, start = known.get(row.start, row), None
            if row.pretrained:
                start = Run(
                    origin, study.pretraining, seed, **place, pretrains=True
                )
            first = [start] if start else []
            lane = made.setdefault((seed, origin.name), first)
            lane += [Run(row, t, seed, **place, start=start) for t in tasks]
    return list(made.values())


def _chosen(names: list | None, known: dict) -> list:
    unknown = [str(name) for name in names or [] if name not in known]
    if unknown:
        raise InputError(
            f'the study has no {", ".join(unknown)}; '
            f'it has {", ".join(map(str, known))}'
        )
    return [known[name] for name in names or known]


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep other studies out of a folder.

    Raises:
        InputError: Another one is at work there.
    """
    out.mkdir(parents=True, exist_ok=True)
    with open(out / '.lock', 'w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f'another study is running in {out}: wait for it, or name '
                'another folder with --out'
            ) from error
        yield


def check(runs: list[Run]) -> None:
    """Check all runs before the first begins.

    Raises:
        InputError: A result or a training of other settings, no data, a row
            that its model refuses, or a metric of another name.
    """
    left = [run for run in runs if not run.done()]
    for run in left:
        run.check_begun()
        if not run.data.is_dir():
            raise InputError(
                f'there is no folder {run.data}, the data of '
                f'{run.task.name}: set --data-root'
            )
    # Seeds share their models.
    for run in {(run.row.name, run.task.name): run for run in left}.values():
        rehearse(run)


def rehearse(run: Run) -> None:
    """Parse its arguments, build its model, look for its metric."""
    config = copy.deepcopy(run.config)
    where = f'{run.row.name}, {run.task.name}'
    arguments = run.task.arguments
    try:
        parse_training([str(run.file), *arguments])
    except SystemExit as error:  # argparse has printed what is wrong
        raise InputError(
            f'{where}: tools/train.py cannot take the arguments {arguments}'
        ) from error
    scope = config.get('default_scope', 'mmpretrain')
    with DefaultScope.overwrite_default_scope(scope):
        try:
            check_numbers(config)
            MODELS.build(config.model)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f'{where}: {error}') from error
        if run.pretrains:
            return
        if not config.get('val_evaluator'):
            raise InputError(f'{where}: {run.task.config} measures nothing')
        prefixes = _prefixes(config.val_evaluator)
    if run.task.metric.rpartition('/')[0] not in prefixes:
        begin = ' or '.join(f'{p}/' if p else 'no prefix' for p in prefixes)
        raise InputError(
            f'{where}: {run.task.config} measures no {run.task.metric!r}; '
            f'its metrics begin with {begin}'
        )


def _prefixes(evaluators: dict | list[dict]) -> list[str]:
    """What the names of metrics begin with, before the last slash."""
    each = evaluators if isinstance(evaluators, list) else [evaluators]
    with METRICS.switch_scope_and_registry(None) as registry:
        kinds = [registry.get(e['type']) for e in each]
    return [
        e.get('prefix') or getattr(kind, 'default_prefix', None) or ''
        for e, kind in zip(each, kinds)
    ]


def run_study(args: argparse.Namespace) -> None:
    """Run what is not done yet, then sum up.

    Raises:
        UserError: A table, data or results that cannot be used.
    """
    study = Study(args.table)
    runs = lanes(study, args)
    parts = dict.fromkeys(('rows', 'tasks', 'seeds'))
    whole = argparse.Namespace(**vars(args) | parts)
    summed = [run for lane in lanes(study, whole) for run in lane]
    for run in summed:
        run.done()  # refuses results of other settings
    if not args.summary:
        check(sum(runs, []))
        with alone(args.out):
            stage = [[run.step() for run in lane] for lane in runs]
            progress = Progress([stage], args.jobs)
            run_stage(stage, args.out / 'logs', progress)
    found = [
        read_result(run.result)
        for run in summed
        if not run.pretrains and run.done()
    ]
    bases = {row.name: row.base for row in study.rows}
    names = [task.name for task in study.tasks]
    print(summarise(args.out, found, bases, names))


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    return cli.run(run_study, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
