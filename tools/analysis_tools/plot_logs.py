r"""Plot the logs of one or several runs: training and validation.

Example::

    python tools/analysis_tools/plot_logs.py work_dirs/map work_dirs/mae \
        --keys loss mIoU --out curves.png

One panel per quantity, one line per work_dir over its iterations. Iterations
that a resumed run logged twice are drawn once.
"""

import argparse
import sys
from pathlib import Path

from mmmap import cli
from mmmap.errors import InputError


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('work_dirs', type=Path, nargs='+', metavar='WORK_DIR')
    parser.add_argument(
        '--out', type=Path, required=True, metavar='PNG', help='to write'
    )
    parser.add_argument(
        '--keys',
        nargs='+',
        help='quantities (default: loss and the metrics of validation)',
    )
    parser.add_argument(
        '--names', nargs='+', help="for the legend (default: the work_dirs')"
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmmap.reports import Log, read_log, series
from mmmap.visualization.curves import Series, curve_figure
from mmmap.visualization.images import save_figure


def curves_of(log: Log) -> dict[str, Series]:
    """All curves of a run by name; those of validation take precedence."""
    curves = log.train | log.val
    return {name: series(c) for name, c in curves.items() if c.steps}


def default_keys(logs: list[Log]) -> list[str]:
    """The loss, and what validation measured."""
    measured = [name for log in logs for name in log.val]
    names = dict.fromkeys(['loss', *measured])
    return [name for name in names if name not in ('time', 'data_time')]


def run(args: argparse.Namespace) -> None:
    """Draw the curves.

    Raises:
        FileNotFoundError: No such work_dir.
        InputError: A quantity that no run logged.
    """
    logs = [read_log(folder) for folder in args.work_dirs]
    names = args.names or [str(folder) for folder in args.work_dirs]
    if len(set(names)) != len(logs):
        raise InputError(
            f'--names must name each work_dir differently, got {names} for '
            f'{len(logs)}'
        )
    curves = {name: curves_of(log) for name, log in zip(names, logs)}
    known = sorted(set().union(*curves.values()))
    unknown = set(args.keys or ()) - set(known)
    if unknown or not known:
        raise InputError(
            f'no run logged {", ".join(sorted(unknown)) or "anything"}; '
            f'there are: {", ".join(known)}'
        )
    panels = {
        # Also runs without this curve, so that each keeps its colour.
        key: {name: c.get(key, ((), ())) for name, c in curves.items()}
        for key in args.keys or default_keys(logs)
        if key in known
    }
    save_figure(curve_figure(panels), args.out)
    print(args.out)


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
