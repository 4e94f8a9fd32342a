"""Compare pretraining methods: a table of rows, each with several seeds.

A study is a YAML file whose rows list only their differences.
Each row is pretrained, then every task is trained from that checkpoint and
tested; each run has its config in OUT/configs and writes a JSON file to
OUT/runs.

    python tools/study.py configs/study/digits.yml --data-root data/digits

Finished runs are not repeated: after an interruption, the same command
continues. If a run fails, the others continue. At the end, or immediately with
``--summary``, it writes means and deviations to OUT/TABLE.md, a plot, and each
result to OUT/TABLE.csv.
"""

import argparse
import copy
import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmmap import cli
from mmmap.errors import InputError, UserError


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

from experiments.runs import Run
from experiments.side_by_side import Progress, StepError, run_stage
from experiments.summary import read_result, summarise
from experiments.table import Study
from mmengine.registry import DATASETS, METRICS, MODELS, DefaultScope
from train import parse_args as parse_training

from mmmap.datasets.checks import check_data
from mmmap.datasets.config_datasets import set_data_root
from mmmap.engine.numbers import check_numbers


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
        if not run.data.is_dir():
            raise InputError(
                f'there is no folder {run.data}, the data of '
                f'{run.task.name}: set --data-root'
            )
        run.check_begun()
    # Seeds share their models.
    for run in {(run.row.name, run.task.name): run for run in left}.values():
        rehearse(run)


def rehearse(run: Run) -> None:
    """Build its model and data set, look at its data and for its metric."""
    config = copy.deepcopy(run.config)
    set_data_root(config, str(run.data))
    where = f'{run.row.name}, {run.task.name}'
    arguments = _arguments(run, where)
    scope = config.get('default_scope', 'mmpretrain')
    with DefaultScope.overwrite_default_scope(scope):
        try:
            check_numbers(config)
            MODELS.build(config.model)
            if not arguments.no_data_check:
                check_data(config, ('train', 'val'), arguments.skip_bad)
                # Wrappers that draw samples have checks of their own.
                DATASETS.build(copy.deepcopy(config.train_dataloader.dataset))
        except (KeyError, TypeError, ValueError, UserError) as error:
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


def _arguments(run: Run, where: str) -> argparse.Namespace:
    """Those of ``tools/train.py``."""
    try:
        return parse_training([str(run.file), *run.task.arguments])
    except SystemExit as error:  # argparse has printed what is wrong
        raise InputError(
            f'{where}: tools/train.py cannot take the arguments '
            f'{run.task.arguments}'
        ) from error


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
        UserError: A table, data or results that cannot be used, or runs that
            have failed.
    """
    study = Study(args.table)
    runs = lanes(study, args)
    parts = dict.fromkeys(('rows', 'tasks', 'seeds'))
    whole = argparse.Namespace(**vars(args) | parts)
    summed = [run for lane in lanes(study, whole) for run in lane]
    for run in summed:
        run.done()  # refuses results of other settings
    failed: list[UserError] = []
    if not args.summary:
        check(sum(runs, []))
        with alone(args.out):
            stage = [[run.step() for run in lane] for lane in runs]
            progress = Progress([stage], args.jobs)
            failed = run_stage(
                stage, args.out / 'logs', progress, keep_going=True
            )
    found = [
        read_result(run.result)
        for run in summed
        if not run.pretrains and run.done()
    ]
    bases = {row.name: row.base for row in study.rows}
    names = [task.name for task in study.tasks]
    if found or not failed:
        print(summarise(args.out / args.table.stem, found, bases, names))
    if failed:
        raise StepError('\n\n'.join(map(str, failed)))


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    return cli.run(run_study, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
