"""``mmmap pretrain``, ``segment``, ``detect`` and ``classify``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import cli
from ..cli import duration
from ..engine.settings import open_config
from ..errors import FileError
from . import runs
from .choices import Choices, Machine, choose, choose_epochs
from .config_text import config_text
from .measure import measure
from .published import split_name
from .reading import statistics, way_of
from .records import check_same, read_record
from .start import find_start
from .tasks import look_at_data

# Options that say how to run, not what.
_HOW = ('dry_run', 'traceback', 'command')


def run_task(task: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Look, choose, say so, check, train; or continue what was begun.

    Args:
        task: For example ``'segment'``.
        options: Of the command line: paths, and what is chosen otherwise.

    Returns:
        ``out``, ``checkpoint``, ``report`` and ``metrics``; of a dry run the
        choices.

    Raises:
        UserError: Data, options or the folder cannot be used.
    """
    out = Path(options['out']).expanduser().absolute()
    given = _given(task, options)
    old = read_record(out / runs.RECORD, 'run')
    if old is None:
        made = _begin(task, out, options, given)
        if options.get('dry_run'):
            return dict(made.values)
        runs.draw_samples(out, task)
    else:
        check_same(out, 'a run', old, given)
        if options.get('dry_run'):
            print(f'{out} has this run; without --dry-run, it continues')
            return {}
    if old is not None and runs.finished(out):
        print(f'{out} is finished')
    else:
        runs.train(out, task)
    return runs.conclude(out, task)


def _given(task: str, options: Mapping) -> dict[str, Any]:
    """What a run is known by; paths do not depend on the current folder."""
    paths = {'images', 'masks', 'coco', 'classes', 'start', 'val_images'}
    paths |= {'val_masks', 'val_coco', 'val_list'}
    found: dict[str, Any] = dict(task=task)
    for key, value in options.items():
        if value is None or key in (*_HOW, 'out'):
            continue
        if key == 'start' and split_name(str(value)):
            name, file = split_name(str(value))
            value = name if file is None else f'{name}={Path(file).absolute()}'
        elif key in paths:
            value = str(Path(value).expanduser().absolute())
        found[key] = list(value) if isinstance(value, tuple) else value
    return found


def _begin(task: str, out: Path, options: Mapping, given: Mapping) -> Choices:
    """Prepare the folder of a run; print what it will do."""
    with cli.during(lambda: cli.Activity('looking at the data')):
        data = look_at_data(task, options)
        start = find_start(options['start']) if options.get('start') else None
        machine = Machine.here()
        way = way_of(data.images, options.get('reading'))
        if way[0] == 'channels':
            data.settings.update(statistics(data.images))
        if start is not None:
            start.check_channels(data.settings.get('channels', 3))
        made = choose(
            task,
            data.images,
            data.count,
            machine,
            options,
            start.choices if start else None,
            way,
        )
        print(*data.lines, sep='\n', flush=True)
        with runs.new_run(out, bool(options.get('dry_run'))) as folder:
            _write(data.write, folder, out)
            made.values.update(epochs=1, val_interval=1)  # until measured

            def write_config(place: Path) -> None:
                text = config_text(
                    task, place, data.images.folder, made, data.settings, start
                )
                (folder / runs.CONFIG).write_text(text, encoding='utf-8')

            write_config(folder)
            for note in runs.check(folder, out, data.sources):
                print(f'note: {note}')
            seconds = _measured(task, made, machine, data.count, folder)
            write_config(out)
            open_config(folder / runs.CONFIG)
            record = json.dumps(given, indent=2, ensure_ascii=False)
            (folder / runs.RECORD).write_text(record, encoding='utf-8')
            print(f'{task}, on the {machine.device.replace("cuda", "GPU")}:')
            print(made)
            print(f'time: about {duration(seconds)}, from a measured step')
            if not options.get('dry_run'):
                print(f'run: {out}', flush=True)
    return made


def _measured(
    task: str, made: Choices, machine: Machine, count: int, folder: Path
) -> float:
    """Choose the epochs by a measured step; return the whole seconds."""
    with runs.quiet():
        cost = measure(open_config(folder / runs.CONFIG))
    del made.values['epochs'], made.values['val_interval']
    if cost.batch != made.batch:
        why = f'{made.batch} did not fit the GPU'
        made.values['batch'], made.reasons['batch'] = cost.batch, why
    return choose_epochs(
        made, task, machine, count, cost.step, cost.validation
    )


def _write(write, folder: Path, out: Path) -> None:
    try:
        write(folder)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(
            f'cannot write into {out.parent} ({error.strerror}); free some '
            'space, or name another folder with --out'
        ) from error
