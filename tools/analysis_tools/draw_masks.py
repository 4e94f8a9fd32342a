"""Draw the decoder's attention masks and the maskings on a token grid.

Example::

    python tools/analysis_tools/draw_masks.py masks.png --grid 6 9

Top: each attention mask as a matrix, and what one token may attend to.
Bottom: several draws of each masking.
"""

import argparse
import sys

from mmmap import cli


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('out', metavar='PNG', help='picture to write')
    parser.add_argument(
        '--grid',
        type=int,
        nargs=2,
        default=(6, 6),
        metavar=('ROWS', 'COLUMNS'),
        help='rows and columns of tokens (default: 6 6; 14 14 at 224 px)',
    )
    parser.add_argument(
        '--ratio', type=float, default=0.5, help='hidden share'
    )
    parser.add_argument('--draws', type=int, default=6, help='of each masking')
    parser.add_argument('--seed', type=int, default=0, help='of the draws')
    parser.add_argument(
        '--query',
        type=int,
        nargs=2,
        metavar=('ROW', 'COLUMN'),
        help='token whose attention is drawn (default: the middle)',
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmmap.visualization import mask_figure


def run(args: argparse.Namespace) -> None:
    """Draw what the command line asks for.

    Raises:
        ValueError: An invalid grid, ratio or query.
    """
    query = tuple(args.query) if args.query else None
    mask_figure(
        tuple(args.grid), args.out, args.ratio, args.draws, args.seed, query
    )
    print(args.out)


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
