r"""Convert a checkpoint of the published MAP code to mmmap's, or back.

Example::

    python tools/model_converters/official_map_to_mmmap.py map.pth mmmap.pth
    python tools/model_converters/official_map_to_mmmap.py \
        mmmap.pth map.pth --reverse

An unknown or missing weight is an error. What the published code has but
does not use in pretraining (class token, classifier) is kept under a separate
key, so that ``--reverse`` restores it.
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
from mmmap.conversion.official_map import (
    pattern_of_mmmap,
    to_mmmap,
    to_official,
    unused_of,
)

CONVERTER = Converter(
    to_mmmap,
    to_official,
    lambda official, ours: dict(
        source='official MAP', pattern=pattern_of_mmmap(ours)
    ),
    unused_of,
)


def main(argv=None):
    """Run the command line; return its exit status."""
    return convert(parse_args(argv), CONVERTER)


if __name__ == '__main__':
    sys.exit(main())
