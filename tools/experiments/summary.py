"""Means and deviations of a study's runs, as a table and a plot."""

import json
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
    if absent or not isinstance(run['value'], int | float):
        raise InputError(
            f'{file} is not the result of a run, which has '
            f'{", ".join(sorted(RESULT))}: remove it'
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


def difference(
    row: dict[int, float], base: dict[int, float]
) -> tuple[float, float | None] | None:
    """Mean and standard error of the differences of equal seeds."""
    pairs = [row[seed] - base[seed] for seed in row if seed in base]
    if not pairs:
        return None
    mean, spread = mean_and_deviation(pairs)
    return mean, spread and spread / len(pairs) ** 0.5


def cell(pair: tuple[float, float | None] | None, sign: str = '') -> str:
    """``12.3 +- 0.4`` for a table."""
    if pair is None:
        return ''
    mean, spread = pair
    text = f'{mean:{sign}.2f}'
    return text if spread is None else f'{text} +- {spread:.2f}'


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
            'error | base |',
            '|---|---|---|---|---|',
        ]
        for name, seeds in rows.items():
            own = cell(mean_and_deviation(list(seeds.values())))
            base = bases[name] if bases[name] != name else ''
            over = cell(difference(seeds, rows.get(base, {})), '+')
            lines.append(
                f'| {name} | {len(seeds)} | {own} | {over} | {base} |'
            )
        lines.append('')
    return '\n'.join(lines)


def plot(values: dict, path: Path) -> None:
    """Every run as a dot, with the mean of its row, a panel for each task."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, len(values), figsize=(4.5 * len(values), 3.5), squeeze=False
    )
    for axis, (task, rows) in zip(axes[0], values.items(), strict=True):
        for place, seeds in enumerate(rows.values()):
            numbers = list(seeds.values())
            axis.plot([place] * len(numbers), numbers, 'o', color='C0', ms=4)
            mean = statistics.mean(numbers)
            axis.hlines(mean, place - 0.3, place + 0.3, color='C1')
        axis.set_xticks(range(len(rows)), rows, rotation=30, ha='right')
        axis.set_title(task)
        axis.grid(axis='y', alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def summarise(
    out: Path, runs: list[dict], bases: dict[str, str], tasks: list[str]
) -> str:
    """Write ``results.md`` and ``results.png``; returns the table.

    Args:
        out: Folder of the study.
        runs: The results of its finished runs.
        bases: The names of the rows, in order, and the row that each is
            compared with.
        tasks: Their names, in order.

    Raises:
        InputError: There is no finished run.
    """
    if not runs:
        raise InputError(f'{out} holds no finished run of this table')
    values = by_row(runs, list(bases), tasks)
    text = table(values, bases)
    (out / 'results.md').write_text(f'{text}\n')
    plot(values, out / 'results.png')
    return f'{text}\n{out / "results.md"}, {out / "results.png"}'
