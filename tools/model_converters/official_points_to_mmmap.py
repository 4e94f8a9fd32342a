r"""Convert a checkpoint of the published MAP code for points, or back.

Example::

    python tools/model_converters/official_points_to_mmmap.py \
        points.pth mmmap.pth
    python tools/model_converters/official_points_to_mmmap.py \
        mmmap.pth points.pth --reverse

The names show whether it is from pretraining or a classifier. An unknown or
missing weight is an error. The class token, which pretraining does
not use, is kept under a separate key, so that ``--reverse`` restores it.
"""

import sys

from mmmap import cli
from mmmap.conversion import command


def parse_args(argv=None):
    """The command line."""
    return command.parse_args(__doc__, argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmmap.conversion.converter import Converter, convert
from mmmap.conversion.official_points import (
    kind_of,
    pattern_of_mmmap,
    to_mmmap,
    to_official,
    unused_of,
)

CONVERTER = Converter(
    to_mmmap,
    to_official,
    lambda official, ours: dict(
        source=f'official MAP on points, {kind_of(official)}',
        pattern=pattern_of_mmmap(ours),
    ),
    unused_of,
    # Point-MAE and its successors save weights under the first, the only key
    # that the published fine-tuning reads.
    keys=('base_model', 'model', 'state_dict'),
)


def main(argv=None):
    """Run the command line; return its exit status."""
    return convert(parse_args(argv), CONVERTER)


if __name__ == '__main__':
    sys.exit(main())
