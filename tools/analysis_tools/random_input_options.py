"""Options shared by the tools that run a model on random input."""

import argparse

from mmmap import cli


def random_input_parser(description: str) -> argparse.ArgumentParser:
    """The config and size of an example, for a command line."""
    parser = cli.command_parser(description)
    parser.add_argument('config', help='config of any model')
    parser.add_argument(
        '--shape',
        type=int,
        nargs='+',
        metavar='N',
        help='height and width, or number of points (default: as the '
        'backbone was made for, or 1024 points)',
    )
    return parser
