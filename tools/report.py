"""Summarise a run on one page: what its work_dir has, and what is missing.

Example::

    python tools/report.py work_dirs/upernet_map_ade20k
    python tools/report.py work_dirs/mine --base my_config.py --out mine.html

The page has curves, the best and last metrics, a choice of pictures, the
checkpoints, the environment, and the settings: changes by the command line, by
the config beyond its bases, and by a resumed run. It is one self-contained
HTML file, for pretraining, classification, segmentation and detection,
finished or not.
"""

import argparse
import sys
from pathlib import Path

from mmmap import cli


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('work_dir', type=Path, help='folder of the run')
    parser.add_argument(
        '--out',
        type=Path,
        metavar='HTML',
        help='default: report.html in the work_dir',
    )
    parser.add_argument(
        '--base',
        metavar='CONFIG',
        help='the original config; default: the one of that name in configs',
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmmap.reports import look_at, page_of
from mmmap.writing import written_whole

CONFIGS = Path(__file__).parents[1] / 'configs'


def run(args: argparse.Namespace) -> None:
    """Write the page and say what is missing.

    Raises:
        FileNotFoundError: No such work_dir or base.
        ValueError: The folder is of no run.
    """
    found = look_at(args.work_dir, args.base, CONFIGS)
    out = args.out or found.path / 'report.html'
    with written_whole(out) as temporary:
        temporary.write_text(page_of(found), encoding='utf-8')
    for sentence in found.missing:
        print(f'note: {sentence}')
    print(out)


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
