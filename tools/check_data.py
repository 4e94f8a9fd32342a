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

import mmmap  # noqa: F401  registers what configs name
from mmmap.datasets.of_config import reports_of, set_data_root
from mmmap.engine.launch import clear_errors, open_config

SPLITS = ('train', 'val', 'test')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--data-root',
        metavar='DIR',
        help='folder of the data, instead of the data_root of the config',
    )
    parser.add_argument(
        '--full', action='store_true', help='open every file, not a sample'
    )
    parser.add_argument(
        '--traceback',
        action='store_true',
        help='show where an error was raised, not its message alone',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    args = parse_args(argv)
    wrong, told = 0, set()
    with clear_errors(args.traceback):
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


if __name__ == '__main__':
    sys.exit(main())
