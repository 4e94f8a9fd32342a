"""The command line that all benchmarks share."""

import argparse
from pathlib import Path

from mmmap import cli

ARCHS = ('tiny', 'small', 'base', 'large', 'huge')
DTYPES = ('fp32', 'bf16')


def base_parser(description: str) -> argparse.ArgumentParser:
    """Options of every benchmark."""
    parser = cli.command_parser(description)
    parser.add_argument(
        '--quick', action='store_true', help='small sizes, seconds'
    )
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument(
        '--threads', type=int, help='CPU threads; by default as torch has it'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--out', type=Path, metavar='FILE', help='write a .csv or .json'
    )
    return parser
