"""The folder of a run, and the training in it by ``tools/train.py``."""

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import (
    contextmanager,
    redirect_stderr,
    redirect_stdout,
    suppress,
)
from pathlib import Path
from typing import Any, TextIO

from .. import cli, shipped
from ..datasets.checks import look_at_data, refuse
from ..datasets.checks.report import DataError
from ..engine.hooks.progress_line import ProgressLineHook
from ..engine.settings import open_config
from ..errors import FileError, InputError
from ..reports import look_at
from ..reports.work_dir import metrics_of
from .opened import CONFIG

RECORD = 'command.json'
# What a checkpoint is chosen by, of each task.
METRICS = dict(
    segment='mIoU', detect='coco/bbox_mAP', classify='accuracy/top1'
)


@contextmanager
def new_run(out: Path, dry: bool = False) -> Iterator[Path]:
    """A folder to prepare a run in, which becomes ``out`` at the end.

    Nothing of it is left where preparing fails, or of a dry run.

    Raises:
        FileError: The folder cannot be written.
    """
    absent = [p for p in (out.parent, *out.parent.parents) if not p.exists()]
    try:
        if not dry:
            out.parent.mkdir(parents=True, exist_ok=True)
        place = None if dry else out.parent
        part = Path(tempfile.mkdtemp(prefix=f'{out.name}.part-', dir=place))
    except OSError as error:
        _remove_empty(absent)
        raise FileError(
            f'{out} cannot be written ({error.strerror}); name another '
            'folder with --out'
        ) from error
    part.chmod(0o755)  # mkdtemp's are for their owner alone
    try:
        yield part
        if not dry:
            part.rename(out)  # over an empty folder, too
    finally:
        shutil.rmtree(part, ignore_errors=True)
        _remove_empty(absent)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # somebody else's by now
            folder.rmdir()


@contextmanager
def quiet(log: TextIO | None = None) -> Iterator[None]:
    """Keep what libraries print from the screen, in a log if there is one."""
    with (
        open(os.devnull, 'w') as nowhere,
        redirect_stdout(log or nowhere),
        redirect_stderr(log or nowhere),
    ):
        yield


def check(folder: Path, out: Path, sources: Mapping[str, str]) -> list[str]:
    """Check the data of a prepared run; return what should be known.

    Args:
        folder: Of the preparation.
        out: That of the run, for messages.
        sources: The user's files by those that were made of them, for
            messages; paths below the folder.

    Raises:
        DataError: They cannot be used.
    """
    config = open_config(folder / CONFIG)
    with quiet():
        reports = look_at_data(config, ('train', 'val'))

    def named(text: str) -> str:
        for made in sorted(sources, key=len, reverse=True):
            text = text.replace(f'{folder}/{made}', sources[made])
        return text.replace(str(folder), str(out))

    try:
        refuse(reports)
    except DataError as error:
        raise DataError(named(str(error))) from None
    notes = [named(f'{r.split}: {f}') for r in reports for f in r.findings]
    return list(dict.fromkeys(notes))


def draw_samples(folder: Path, task: str) -> None:
    """Draw samples with their labels, as training reads them."""
    from ..visualization.data_page import draw_splits

    config = open_config(folder / CONFIG)
    with quiet():
        splits = ('train', 'val')
        paths = list(draw_splits(config, splits, folder / 'samples'))
    with_labels = '' if task == 'pretrain' else ' with their labels'
    for path in paths:
        print(f'samples{with_labels}: {path}')


def train(out: Path, task: str) -> None:
    """Train a run, or continue it, with ``tools/train.py``.

    The screen shows one line; what the tool prints is in ``console.log``.

    Raises:
        UserError: As the tool.
    """
    tool = shipped.tool('train')
    args = tool.parse_args([str(out / CONFIG), '--resume', '--no-data-check'])
    line = ProgressLineHook(sys.stderr, METRICS.get(task))
    try:
        with (
            open(out / 'console.log', 'a', encoding='utf-8') as log,
            quiet(log),
        ):
            tool.train(args, [line])
    except BaseException as error:
        activity = getattr(error, 'activity', None)
        if activity is not None:
            activity.resume = cli.AGAIN
        raise
    finally:
        line.close()


def finished(out: Path) -> bool:
    """Whether the run made all its epochs."""
    goal = open_config(out / CONFIG).train_cfg.max_epochs
    return (out / f'epoch_{goal}.pth').is_file()


def best_checkpoint(out: Path) -> Path:
    """The best checkpoint of a run, or else its last.

    Raises:
        InputError: It has none.
    """
    from ..engine.launch import last_checkpoint

    best = sorted(out.glob('best_*.pth'), key=os.path.getmtime)
    if best:
        return best[-1]
    last = last_checkpoint(str(out)) if out.is_dir() else None
    if last is None:
        raise InputError(
            f'{out} has no checkpoint, because its training has not finished '
            'an epoch; run the training command again'
        )
    return Path(last)


def report(out: Path) -> Path:
    """Write the page of a run with ``tools/report.py``."""
    tool = shipped.tool('report')
    base = out / CONFIG
    options = ['--base', str(base)] if base.is_file() else []
    with quiet():
        tool.run(tool.parse_args([str(out), *options]))
    return out / 'report.html'


def conclude(out: Path, task: str) -> dict[str, Any]:
    """Say how a run ended; return the same."""
    run = look_at(out, out / CONFIG)
    found = {m.name: m for m in metrics_of(run.log.val)}
    checkpoint = best_checkpoint(out)
    page = report(out)
    result = dict(
        out=str(out), checkpoint=str(checkpoint), report=str(page), metrics={}
    )
    metric = found.get(METRICS.get(task, ''))
    result['metrics'] = {name: m.best for name, m in found.items()}
    if metric is not None:
        print(f'{metric.name}: {metric.best:.4g}')
    elif task in METRICS:
        print(
            f'{METRICS[task]}: none, because the model found nothing in the '
            'validation images; train longer, with --epochs or --hours'
        )
    for warning in run.warnings:
        print(f'warning: {warning}')
    print(f'checkpoint: {checkpoint}')
    print(f'report: {page}')
    if task == 'pretrain':
        print(f'to start from it: --start {_shown(out)}')
    else:
        print(
            f'to predict: mmmap predict {_shown(out)} IMAGES --out predicted'
        )
    return result


def _shown(path: Path) -> str:
    """A path as it is typed here."""
    here = Path.cwd()
    short = path.relative_to(here) if path.is_relative_to(here) else path
    return shlex.quote(str(short))
