"""The command line of a converter of checkpoints."""

import argparse
import sys
from collections.abc import Callable, Sequence

from ..checkpoints import (
    CheckpointError,
    read_checkpoint,
    write_checkpoint,
)
from .names import ConversionError


def main(
    description: str,
    converted: Callable[[dict], dict],
    restored: Callable[[dict], dict],
    argv: Sequence[str] | None = None,
) -> int:
    """Read a file, convert it, write another; return the exit status.

    Args:
        description: For ``--help``.
        converted: From an official file's content to ours.
        restored: The way back, for ``--reverse``.
        argv: Arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
    args = parser.parse_args(argv)
    convert = restored if args.reverse else converted
    try:
        content = convert(read_checkpoint(args.src))
        write_checkpoint(args.dst, content, args.overwrite)
    except (ConversionError, CheckpointError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    # The weights come first, whatever the official key is.
    weights = next(iter(content.values()))
    print(f'{args.dst}: {len(weights)} tensors')
    return 0
