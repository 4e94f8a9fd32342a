"""Look at the data sets of a config, before anything is trained on them.

Example::

    python tools/check_data.py configs/mmseg/upernet_map_ade20k.py
    python tools/check_data.py CONFIG --full --data-root DIR

Counts what is there and names what cannot be used: images that cannot be read
or are not whole, class maps of another size or with values that are no class,
annotations without an image. ``tools/train.py`` looks likewise when it
starts; with ``--full`` every file is opened, not a sample.
"""

import argparse
import sys
from collections.abc import Sequence

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
        '--full', action='store_true', help='open every file, not a sample'
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmmap.datasets.of_config import reports_of, set_data_root
from mmmap.engine.settings import open_config

SPLITS = ('train', 'val', 'test')


def check(args: argparse.Namespace) -> int:
    """Print what is found in each split; 1 where not all can be used."""
    wrong, told = 0, set()
    config = open_config(args.config)
    if args.data_root:
        set_data_root(config, args.data_root)
    for split, report in reports_of(config, SPLITS, args.full):
        wrong += len(report.problems)
        # Validation and test are mostly the same.
        if str(report) not in told:
            print(f'{split}: {report}')
        told.add(str(report))
    print('Not all of it can be used.' if wrong else 'All well.')
    return int(wrong > 0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    return cli.run(check, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
