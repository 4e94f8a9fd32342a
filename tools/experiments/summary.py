"""Means and deviations of a study's runs, as a table and a plot."""

import csv
import json
import math
import statistics
from pathlib import Path

from mmmap.errors import InputError

RESULT = {'row', 'task', 'seed', 'metric', 'value'}


def read_result(file: Path) -> dict:
    """The result of a finished run.

    Raises:
        InputError: The file is not a result.
    """
    try:
        run = json.loads(file.read_text())
    except ValueError as error:
        raise InputError(f'{file} is not JSON ({error}): remove it') from error
    absent = RESULT - set(run) if isinstance(run, dict) else RESULT
    value = None if absent else run['value']
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(
            f'{file} is not the result of a run, which has '
            f'{", ".join(sorted(RESULT))} (a finite number): remove it'
        )
    return run


def by_row(runs: list[dict], rows: list[str], tasks: list[str]) -> dict:
    """Values by task, row and seed, in the order of the names."""
    values: dict[str, dict[str, dict[int, float]]] = {}
    order = {name: place for place, name in enumerate([*tasks, *rows])}
    for run in sorted(runs, key=lambda r: (order[r['task']], order[r['row']])):
        task = f'{run["task"]}, {run["metric"]}'
        row = values.setdefault(task, {}).setdefault(run['row'], {})
        row[run['seed']] = run['value']
    return values


def mean_and_deviation(values: list[float]) -> tuple[float, float | None]:
    """The deviation is the sample's; None of a single value."""
    spread = statistics.stdev(values) if len(values) > 1 else None
    return statistics.mean(values), spread


def difference(pairs: list[float]) -> tuple[float, float | None]:
    """Mean and standard error."""
    mean, spread = mean_and_deviation(pairs)
    return mean, spread and spread / len(pairs) ** 0.5


def decimals(rows: dict) -> int:
    """Decimals for a task: more where all values are fractions, as AP is."""
    values = [value for seeds in rows.values() for value in seeds.values()]
    return 4 if max(map(abs, values)) <= 1 else 2


def cell(
    mean: float, spread: float | None, digits: int, sign: str = ''
) -> str:
    """``12.34 +- 0.56`` for a table."""
    text = f'{mean:{sign}.{digits}f}'
    return text if spread is None else f'{text} +- {spread:.{digits}f}'


def compared(name: str, base: str, rows: dict, digits: int) -> str:
    """The cells that compare a row with its base, seed by seed."""
    if name == base or base not in rows:
        return '| |'
    pairs = [
        value - rows[base][seed]
        for seed, value in rows[name].items()
        if seed in rows[base]
    ]
    text = cell(*difference(pairs), digits, '+') if pairs else ''
    return f'{text} | {len(pairs)} | {base}'


def table(values: dict, bases: dict[str, str]) -> str:
    """Markdown: a section for each task.

    Args:
        values: By task, row and seed.
        bases: The row that each row is compared with.
    """
    lines = []
    for task, rows in values.items():
        lines += [
            f'## {task}',
            '',
            '| row | seeds | mean +- deviation | over its base +- standard '
            'error | common seeds | base |',
            '|---|---|---|---|---|---|',
        ]
        digits = decimals(rows)
        for name, seeds in rows.items():
            own = cell(*mean_and_deviation(list(seeds.values())), digits)
            over = compared(name, bases[name], rows, digits)
            lines.append(f'| {name} | {len(seeds)} | {own} | {over} |')
        lines.append('')
    return '\n'.join(lines)


def plot(values: dict, path: Path) -> None:
    """Every run as a dot, with the mean of its row, a panel for each task."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    columns = min(len(values), 2)
    lines = -(-len(values) // columns)
    figure, axes = pyplot.subplots(
        lines, columns, figsize=(6 * columns, 3.5 * lines), squeeze=False
    )
    for axis in axes.flat[len(values) :]:
        axis.remove()
    for axis, (task, rows) in zip(axes.flat, values.items()):
        for place, seeds in enumerate(rows.values()):
            numbers = sorted(seeds.values())
            # Side by side, so that none hides another.
            dots = [
                place + 0.12 * (i - (len(numbers) - 1) / 2)
                for i in range(len(numbers))
            ]
            axis.plot(dots, numbers, 'o', color='C0', ms=4)
            mean = statistics.mean(numbers)
            axis.hlines(mean, place - 0.4, place + 0.4, color='C1')
        names = [f'{row} ({len(seeds)})' for row, seeds in rows.items()]
        axis.set_xticks(range(len(rows)), names, rotation=30, ha='right')
        name, _, metric = task.rpartition(', ')
        axis.set_title(name)
        axis.set_ylabel(metric)
        axis.grid(axis='y', alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def summarise(
    file: Path, runs: list[dict], bases: dict[str, str], tasks: list[str]
) -> str:
    """Write the table, the plot and all values; returns the table.

    Args:
        file: Path of all three, without ``.md``, ``.png`` and ``.csv``.
        runs: The results of the finished runs.
        bases: The names of the rows, in order, and the row that each is
            compared with.
        tasks: Their names, in order.

    Raises:
        InputError: There is no finished run.
    """
    if not runs:
        raise InputError(f'{file.parent} holds no finished run of this table')
    values = by_row(runs, list(bases), tasks)
    text = table(values, bases)
    written = [Path(f'{file}{suffix}') for suffix in ('.md', '.png', '.csv')]
    written[0].write_text(f'{text}\n')
    plot(values, written[1])
    with written[2].open('w', newline='') as lines:
        writer = csv.writer(lines, lineterminator='\n')
        writer.writerow(['task', 'metric', 'row', 'seed', 'value'])
        writer.writerows(
            (*task.rsplit(', ', 1), row, seed, f'{value:.4f}')
            for task, rows in values.items()
            for row, seeds in rows.items()
            for seed, value in sorted(seeds.items())
        )
    return f'{text}\n{", ".join(map(str, written))}'
