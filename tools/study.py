"""Compare ways of pretraining: a table of rows, each with several seeds.

A study is a YAML file: what differs between the rows stands in the rows, all
else is shared. Each row is pretrained, then every task is trained from that
checkpoint and tested; each of these runs leaves a JSON file in OUT/runs.

    python tools/study.py configs/study/digits.yml --data-root data/digits

What is finished is not done again: after an interruption, the same command
goes on. At the end, or with ``--summary`` at once, come the means and
deviations: OUT/results.md and OUT/results.png.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch
from mmengine.config import Config
from side_by_side import Progress, Step, run_stage
from study_summary import summarise
from yaml import YAMLError

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINT = 'model.backbone.init_cfg'


@dataclass(frozen=True)
class Row:
    """A way of pretraining.

    Attributes:
        name: What the tables call it.
        options: What differs in the pretraining config, by dotted key.
        everywhere: What differs in the configs of the tasks, too, as the
            backbone.
        pretrained: Whether there is any pretraining.
    """

    name: str
    options: dict = field(default_factory=dict)
    everywhere: dict = field(default_factory=dict)
    pretrained: bool = True


@dataclass(frozen=True)
class Task:
    """A training of which a metric counts; the pretraining is one, too.

    Attributes:
        name: What the tables call it.
        config: Of mmpretrain, mmseg or mmdet, from the repository's root.
        data: Folder below ``--data-root``.
        metric: As the library logs it.
        options: Changes of the config, by dotted key.
        seconds: How long a run takes, about, until that is known.
    """

    name: str
    config: str
    data: str
    metric: str = 'loss'
    options: dict = field(default_factory=dict)
    seconds: float = 100.0


class Study:
    """What is to be run.

    Args:
        table: The YAML file.

    Raises:
        ValueError: Unknown or missing keys, a row or task given twice.
    """

    def __init__(self, table: Path) -> None:
        content = _read(table)
        wanted = {'seeds', 'pretraining', 'tasks', 'rows'}
        if set(content) != wanted:
            raise ValueError(
                f'{table} must have {", ".join(sorted(wanted))}; '
                f'it has {", ".join(map(str, content)) or "nothing"}'
            )
        self.seeds = content['seeds']
        pretraining = {'name': 'pretraining', **content['pretraining']}
        self.pretraining = _parsed(Task, pretraining, table)
        self.tasks = [_parsed(Task, t, table) for t in content['tasks']]
        self.rows = [_parsed(Row, r, table) for r in content['rows']]
        names = [item.name for item in self.rows + self.tasks]
        _once([*names, self.pretraining.name], 'name', table)
        _once([json.dumps(_content(r)) for r in self.rows], 'row', table)
        _once(self.seeds, 'seed', table)
        for task in (self.pretraining, *self.tasks):
            if not (ROOT / task.config).is_file():
                raise ValueError(f'{table}: there is no {task.config}')


def _read(table: Path) -> dict:
    """The table, with what it inherits by ``_base_``, as configs do."""
    if not table.is_file():
        raise FileNotFoundError(f'there is no table {table}')
    try:
        return Config.fromfile(table).to_dict()
    except (AttributeError, TypeError, YAMLError) as error:
        raise ValueError(f'{table} is not a table in YAML: {error}') from error


def _content(row: Row) -> list:
    changes = sorted(row.options.items()), sorted(row.everywhere.items())
    return [row.pretrained, *changes]


def _parsed(kind: type, values: dict, table: Path):
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f'{table}: {values}: {error}') from error


def _once(values: list, what: str, table: Path) -> None:
    twice = sorted({str(v) for v in values if values.count(v) > 1})
    if twice:
        raise ValueError(f'{table}: {what} given twice: {", ".join(twice)}')


@dataclass(frozen=True)
class Run:
    """One training of a study.

    Attributes:
        row: Its pretraining.
        task: What is trained.
        seed: Of torch, numpy and Python.
        out: Folder of the study.
        data_root: Folder of the data.
        checkpoint: What it starts from, if anything.
    """

    row: Row
    task: Task
    seed: int
    out: Path
    data_root: Path
    checkpoint: Path | None = None

    @property
    def name(self) -> str:
        """Of its files."""
        parts = (self.row.name, self.task.name, f'seed{self.seed}')
        return '_'.join(part.replace(' ', '-') for part in parts)

    @property
    def work_dir(self) -> Path:
        """Where it is trained."""
        return self.out / 'work_dirs' / self.name

    @property
    def result(self) -> Path:
        """Its JSON file."""
        return self.out / 'runs' / f'{self.name}.json'

    def options(self) -> dict:
        """All that is changed in the config."""
        pretrains = self.task.name == 'pretraining'
        options = {**self.task.options, 'randomness.seed': self.seed}
        options |= self.row.everywhere
        if pretrains:
            options |= self.row.options
        if self.checkpoint:
            options |= {
                f'{CHECKPOINT}._delete_': True,
                f'{CHECKPOINT}.type': 'Pretrained',
                f'{CHECKPOINT}.checkpoint': str(self.checkpoint),
                f'{CHECKPOINT}.prefix': 'backbone.',
            }
        return options

    def last(self) -> Path:
        """The checkpoint that it leaves."""
        config = Config.fromfile(ROOT / self.task.config)
        config.merge_from_dict(self.options())
        return self.work_dir / f'epoch_{config.train_cfg.max_epochs}.pth'

    def argv(self) -> list:
        """The command."""
        argv = [ROOT / 'tools/train.py', ROOT / self.task.config, '--resume']
        argv += ['--work-dir', self.work_dir]
        argv += ['--data-root', self.data_root / self.task.data]
        options = [f'{k}={v}' for k, v in self.options().items()]
        return [*argv, '--cfg-options', *options]

    def settings(self) -> str:
        """A digest of the config and what is changed in it."""
        config = Config.fromfile(ROOT / self.task.config)
        options = self.options()
        options.pop(f'{CHECKPOINT}.checkpoint', None)
        text = config.pretty_text + json.dumps([options, self.row.options])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def done(self) -> bool:
        """Whether its result is there.

        Raises:
            ValueError: It is one of other settings.
        """
        if not self.result.is_file():
            return False
        found = json.loads(self.result.read_text())['settings']
        if found != self.settings():
            raise ValueError(
                f'{self.result} was run with other settings (the config or '
                'the table has changed since); name another folder with '
                '--out, or remove this file and '
                f'{self.work_dir}'
            )
        return True

    def keep(self, seconds: float) -> None:
        """Write the result."""
        content = dict(
            row=self.row.name,
            task=self.task.name,
            seed=self.seed,
            metric=self.task.metric,
            value=last_value(self.work_dir, self.task.metric),
            seconds=round(seconds),
            settings=self.settings(),
            options=self.options(),
            config=self.task.config,
            commit=_commit(),
            torch=torch.__version__,
        )
        self.result.parent.mkdir(parents=True, exist_ok=True)
        partial = self.result.with_suffix('.partial')
        partial.write_text(json.dumps(content, indent=1, default=str))
        partial.replace(self.result)

    def step(self) -> Step:
        """It as a command to run."""
        title = f'{self.row.name}, {self.task.name}, seed {self.seed}'
        seconds = self.task.seconds
        return Step(title, self.argv(), seconds, self.done, self.keep)


def last_value(work_dir: Path, metric: str) -> float:
    """The last number that was logged under a name.

    Raises:
        ValueError: There is none.
    """
    for file in sorted(work_dir.glob('*/vis_data/scalars.json'), reverse=True):
        lines = map(json.loads, file.read_text().splitlines())
        values = [line[metric] for line in lines if metric in line]
        if values:
            return values[-1]
    raise ValueError(f'{work_dir} has no {metric} in its logs')


def _commit() -> str:
    done = subprocess.run(
        ['git', 'rev-parse', '--short', 'HEAD'],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or 'unknown'


def lanes(study: Study, args: argparse.Namespace) -> list[list[Run]]:
    """For each seed and row its pretraining and the tasks after it."""
    rows = _chosen(args.rows, {row.name: row for row in study.rows})
    seeds = _chosen(args.seeds, {seed: seed for seed in study.seeds})
    tasks = _chosen(args.tasks, {task.name: task for task in study.tasks})
    place = dict(out=args.out.resolve(), data_root=args.data_root.resolve())
    made = []
    for seed in seeds:
        for row in rows:
            lane, checkpoint = [], None
            if row.pretrained:
                lane.append(Run(row, study.pretraining, seed, **place))
                checkpoint = lane[0].last()
            lane += [
                Run(row, t, seed, **place, checkpoint=checkpoint)
                for t in tasks
            ]
            made.append(lane)
    return made


def _chosen(names: list | None, known: dict) -> list:
    unknown = [str(name) for name in names or [] if name not in known]
    if unknown:
        raise ValueError(
            f'the study has no {", ".join(unknown)}; '
            f'it has {", ".join(map(str, known))}'
        )
    return [known[name] for name in names or known]


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('table', type=Path, help='a YAML file')
    parser.add_argument('--data-root', type=Path, default='data')
    parser.add_argument(
        '--out', type=Path, help='by default work_dirs/study/TABLE'
    )
    parser.add_argument('--rows', nargs='+', metavar='ROW')
    parser.add_argument('--tasks', nargs='+', metavar='TASK')
    parser.add_argument('--seeds', nargs='+', type=int, metavar='SEED')
    parser.add_argument(
        '--jobs', type=int, default=2, help='runs at a time (default 2)'
    )
    parser.add_argument(
        '--summary', action='store_true', help='of what is there, run nothing'
    )
    args = parser.parse_args(argv)
    if args.jobs < 1:
        parser.error(f'--jobs must be at least 1, got {args.jobs}')
    args.out = args.out or Path('work_dirs/study') / args.table.stem
    return args


def main(argv: list[str] | None = None) -> None:
    """Run what is not done yet, then sum up."""
    args = parse_args(argv)
    try:
        study = Study(args.table)
        runs = lanes(study, args)
        if not args.summary:
            for lane in runs:
                for run in lane:
                    run.done()  # complains before anything is run
            stage = [[run.step() for run in lane] for lane in runs]
            progress = Progress([stage], args.jobs)
            run_stage(stage, args.out / 'logs', progress)
        names = [task.name for task in study.tasks]
        print(summarise(args.out, [row.name for row in study.rows], names))
    except (OSError, ValueError) as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()
