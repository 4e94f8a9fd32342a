"""The command line of a converter of checkpoints."""

from argparse import Namespace
from collections.abc import Sequence

from ..cli import command_parser


def parse_args(
    description: str, argv: Sequence[str] | None = None
) -> Namespace:
    """The command line.

    Args:
        description: For ``--help``.
        argv: Arguments; by default those of the process.
    """
    parser = command_parser(description)
    parser.add_argument('src', help='checkpoint to read, .pth or .safetensors')
    parser.add_argument(
        'dst', help='checkpoint to write, .pth or .safetensors'
    )
    parser.add_argument(
        '--reverse', action='store_true', help='from mmmap to official names'
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace DST if it exists'
    )
    return parser.parse_args(argv)
