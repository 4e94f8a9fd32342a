"""The command line of a converter of checkpoints."""

from argparse import Namespace
from collections.abc import Callable, Sequence

from ..cli import command_parser, run


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


def main(
    args: Namespace,
    converted: Callable[[dict], dict],
    restored: Callable[[dict], dict],
) -> int:
    """Read a file, convert it, write another; return the exit status.

    Args:
        args: The command line.
        converted: From an official file's content to ours.
        restored: The reverse conversion, for ``--reverse``.
    """

    def convert(args: Namespace) -> None:
        from ..checkpoints import read_checkpoint, write_checkpoint

        content = read_checkpoint(args.src)
        content = (restored if args.reverse else converted)(content)
        write_checkpoint(args.dst, content, args.overwrite)
        # The weights are the first entry, under any official key.
        weights = next(iter(content.values()))
        print(f'{args.dst}: {len(weights)} tensors')

    return run(convert, args)
