r"""Convert a checkpoint of the published MAP code for points, or back.

Example::

    python tools/model_converters/official_points_to_mmmap.py \
        points.pth mmmap.pth
    python tools/model_converters/official_points_to_mmmap.py \
        mmmap.pth points.pth --reverse

The names show whether it is from pretraining or a classifier. Every weight
must be known and none absent. The class token, which pretraining does not use,
is kept under a separate key, so that ``--reverse`` restores it.
"""

import sys

from mmmap import cli
from mmmap.conversion import command
from mmmap.version import __version__


def parse_args(argv=None):
    """The command line."""
    return command.parse_args(__doc__, argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmmap.checkpoints.fit import weights_of
from mmmap.conversion.names import unwrapped
from mmmap.conversion.official_points import (
    kind_of,
    pattern_of_mmmap,
    to_mmmap,
    to_official,
    unused_of,
)

UNUSED_KEY = 'official_unused'
# Point-MAE and what came of it save weights under the first.
KEYS = ('base_model', 'model', 'state_dict')


def converted(content):
    """An official file's content as a checkpoint of mmengine's form.

    Raises:
        ConversionError: It is not complete official weights.
    """
    official = unwrapped(content, KEYS)
    weights = to_mmmap(official)
    meta = dict(
        mmmap_version=__version__,
        source=f'official MAP on points, {kind_of(official)}',
        pattern=pattern_of_mmmap(weights),
    )
    return {
        'state_dict': weights,
        'meta': meta,
        UNUSED_KEY: unused_of(official),
    }


def restored(content):
    """The official form of a checkpoint of ours.

    Raises:
        ConversionError: It is not complete weights of a PointMAP or a
            classifier.
        CheckpointError: It holds no weights.
    """
    official = to_official(weights_of(content, 'the checkpoint'))
    # The only key that the published fine-tuning reads.
    return {KEYS[0]: {**official, **content.get(UNUSED_KEY, {})}}


def main(argv=None):
    """Run the command line; return its exit status."""
    return command.main(parse_args(argv), converted, restored)


if __name__ == '__main__':
    sys.exit(main())
