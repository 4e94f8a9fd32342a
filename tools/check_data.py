"""Check the data sets of a config before training.

Example::

    python tools/check_data.py configs/mmseg/upernet_map_ade20k.py
    python tools/check_data.py CONFIG --data-root DIR --pictures look
    python tools/check_data.py CONFIG --json report.json --strict

Builds the data sets as training does and checks what they read:
names and order of classes in all splits, numbers of classes of all heads,
files, annotations, sizes, channels, duplicates between the splits. It opens
every file; ``--quick`` opens a few, as ``tools/train.py`` does when it starts.
The exit status is 1 if there are errors; ``--strict`` includes warnings.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mmmap import cli


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--data-root',
        metavar='DIR',
        help='folder of the data, instead of the data_root of the config',
    )
    parser.add_argument(
        '--quick', action='store_true', help='open a few files, not all'
    )
    parser.add_argument(
        '--full', action='store_true', help='open all files: the default'
    )
    parser.add_argument(
        '--strict',
        action='store_true',
        help='warnings give status 1 too',
    )
    parser.add_argument(
        '--json', metavar='FILE', type=Path, help='write the report as JSON'
    )
    parser.add_argument(
        '--pictures',
        metavar='DIR',
        type=Path,
        help='draw a page of samples of each split with their annotations',
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmmap.datasets.checks import Report, look_at_data
from mmmap.datasets.config_datasets import set_data_root
from mmmap.engine.settings import open_config

SPLITS = ('train', 'val', 'test')


def print_progress(line: str) -> None:
    """Print it beside the report."""
    print(line, file=sys.stderr, flush=True)


def conclude(reports: Sequence[Report]) -> tuple[int, int]:
    """Print the findings, errors last; return how many of each."""
    for report in reports:
        if report.counts or report.tables:
            print(report.numbers())
    lengths = {}
    for kind in ('warnings', 'errors'):
        lines = [
            f'  {report.split or "config"}: {finding}'
            for report in reports
            for finding in getattr(report, kind)
        ]
        lines = list(dict.fromkeys(lines))
        lengths[kind] = len(lines)
        if lines:
            print(f'{len(lines)} {kind if len(lines) > 1 else kind[:-1]}:')
            print(*lines, sep='\n')
    return lengths['errors'], lengths['warnings']


def check(args: argparse.Namespace) -> int:
    """Check, print and write reports; return the exit status."""
    config = open_config(args.config)
    if args.data_root:
        set_data_root(config, args.data_root)
    reports = look_at_data(config, SPLITS, not args.quick, print_progress)
    errors, warnings = conclude(reports)
    if args.json:
        content = dict(
            config=args.config,
            errors=errors,
            warnings=warnings,
            reports=[report.as_dict() for report in reports],
        )
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(content, indent=2) + '\n')
        print(f'wrote {args.json}')
    if args.pictures:
        # Imports Matplotlib, which the checks do not need.
        from mmmap.visualization.data_page import draw_splits

        for path in draw_splits(config, SPLITS, args.pictures):
            print(f'wrote {path}')
    if not errors:
        print('No errors.' if warnings else 'All well.')
    return int(bool(errors or (args.strict and warnings)))


main = cli.command(parse_args, check)

if __name__ == '__main__':
    sys.exit(main())
