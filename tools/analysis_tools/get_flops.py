r"""FLOPs and parameters of a config's model, layer by layer, with the scan.

Example::

    python tools/analysis_tools/get_flops.py \
        configs/mmseg/upernet_map_ade20k.py --shape 512 512 --depth 2

Weights and image are random. For a classifier this counts the scores, for a
segmentor the class maps, for a detector the outputs of its heads before boxes
are selected, for pretraining one loss. It includes matrix products,
convolutions, attention and the scan (9 B L D N per direction), with a
multiply-add as two, which OpenMMLab's tables count as one. Norms, other
elementwise arithmetic and the mixers' short causal convolutions are excluded.
"""

import argparse
import csv
import sys
from pathlib import Path

from random_input_options import random_input_parser

from mmmap import cli
from mmmap.errors import InputError


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = random_input_parser(__doc__)
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument(
        '--depth', type=int, default=2, help='levels of modules (default: 2)'
    )
    parser.add_argument('--out', type=Path, metavar='CSV')
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmmap.engine.complexity import Layer, layers_of
from mmmap.engine.random_inputs import (
    default_shape,
    example_call,
    open_untrained,
)
from mmmap.writing import written_whole


def table_of(layers: list[Layer]) -> str:
    """A line for each module, indented by its depth."""
    total = max(layers[0].flops, 1)
    rows = [('layer', 'parameters', 'GFLOPs', 'share')]
    for layer in layers:
        inside = '  ' * (layer.name.count('.') + 1) if layer.name else ''
        last = layer.name.rpartition('.')[2] or 'model'
        rows.append(
            (
                f'{inside}{last} ({layer.kind})',
                f'{layer.parameters:,}',
                f'{layer.flops / 1e9:.3f}',
                f'{layer.flops / total:.1%}',
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows)]
    return '\n'.join(
        '  '.join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:])]
        )
        for row in rows
    )


def write(layers: list[Layer], path: Path) -> None:
    """Write the table as CSV, in whole numbers."""
    with written_whole(path) as temporary, open(temporary, 'w') as file:
        writer = csv.writer(file)
        writer.writerow(Layer._fields)
        writer.writerows(layers)


def run(args: argparse.Namespace) -> None:
    """Count and print.

    Raises:
        FileNotFoundError: No such config.
        InputError: An invalid config, shape or depth.
        RuntimeError: The selected scan cannot be counted.
    """
    if args.depth < 0 or min(args.shape or [1]) < 1:
        raise InputError(
            '--depth must not be negative and --shape positive, got '
            f'{args.depth} and {args.shape}'
        )
    model, config = open_untrained(args.config)
    shape = tuple(args.shape or default_shape(model))
    call = example_call(
        model, config.get('default_scope'), args.batch_size, shape
    )
    layers = layers_of(model, call, args.depth)
    print(table_of(layers))
    what = 'points' if len(shape) == 1 else 'pixels'
    print(
        f'\n{args.batch_size} x {" x ".join(map(str, shape))} {what}: '
        f'{layers[0].flops / 1e9:.3f} GFLOPs (multiply and add: two), '
        f'{layers[0].parameters / 1e6:.3f} M parameters'
    )
    if args.out:
        write(layers, args.out)
        print(args.out)


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
