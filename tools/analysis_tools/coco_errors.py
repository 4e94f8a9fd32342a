r"""COCO's analysis of a detector's precision by kind of error.

Example::

    python tools/test.py CONFIG CHECKPOINT --cfg-options \
        test_evaluator.outfile_prefix=errors/results
    python tools/analysis_tools/coco_errors.py errors/results.bbox.json \
        data/coco/annotations/instances_val2017.json --out errors

Precision over recall at IoU 0.75 and 0.5, then with one kind of error after
another forgiven: the wrong place, classes of the same group (supercategory),
all other classes, detections of background, misses. Writes ``errors.png`` and
``errors.csv`` with one line per class.
"""

import argparse
import csv
import sys
from pathlib import Path

from mmmap import cli


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('results', help="JSON of mmdet's CocoMetric")
    parser.add_argument('annotations', help='JSON of the data set')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument(
        '--type', choices=['bbox', 'segm'], default='bbox', help='boxes, masks'
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import numpy as np

from mmmap.evaluation import KINDS, ErrorCurves, error_curves
from mmmap.visualization import detection_error_figure
from mmmap.visualization.images import save_figure
from mmmap.writing import written_whole


def write_table(curves: ErrorCurves, path: Path) -> None:
    """Write average precision in percent, one line per class."""
    with written_whole(path) as temporary, open(temporary, 'w') as file:
        writer = csv.writer(file)
        writer.writerow(['class', *KINDS])
        for name, row in zip(curves.names, curves.averages()):
            writer.writerow([name, *(f'{100 * x:.2f}' for x in row)])


def run(args: argparse.Namespace) -> None:
    """Analyse, write the results, and print what costs most.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: Files that do not belong together.
    """
    curves = error_curves(args.annotations, args.results, args.type)
    write_table(curves, args.out / 'errors.csv')
    figure = detection_error_figure(
        curves.recall, curves.precision.mean(0), KINDS
    )
    save_figure(figure, args.out / 'errors.png')
    averages = 100 * curves.averages().mean(0)
    for (name, meaning), value, gain in zip(
        KINDS.items(), averages, np.diff(averages, prepend=0)
    ):
        print(f'{name:>4} {value:6.2f}  {gain:+6.2f}  {meaning}')
    print(args.out / 'errors.png')


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
