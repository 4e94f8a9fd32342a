r"""Convert a checkpoint of the published MAP code to mmmap's, or back.

Example::

    python tools/model_converters/official_map_to_mmmap.py map.pth mmmap.pth
    python tools/model_converters/official_map_to_mmmap.py \
        mmmap.pth map.pth --reverse

Every weight must be known and none absent. What the published code has but
does not use in pretraining (class token, classifier) is carried along under
a key of its own, so that ``--reverse`` restores it.
"""

import argparse
import sys

from mmmap.conversion import files
from mmmap.conversion.official_map import (
    ConversionError,
    pattern_of_mmmap,
    to_mmmap,
    to_official,
    unused_of,
    unwrapped,
)
from mmmap.models.backbones.pretrained import CheckpointError, weights_of
from mmmap.version import __version__

UNUSED_KEY = 'official_unused'


def converted(content):
    """An official file's content as a checkpoint of mmengine's form.

    Raises:
        ConversionError: It is not complete official weights.
    """
    official = unwrapped(content)
    weights = to_mmmap(official)
    meta = dict(
        mmmap_version=__version__,
        source='official MAP',
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
        ConversionError: It is not complete weights of a MAP.
        CheckpointError: It holds no weights.
    """
    official = to_official(weights_of(content, 'the checkpoint'))
    return {'model': {**official, **content.get(UNUSED_KEY, {})}}


def main(argv=None):
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', help='checkpoint to read')
    parser.add_argument('dst', help='checkpoint to write')
    parser.add_argument(
        '--reverse', action='store_true', help='from mmmap to official names'
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace DST if it exists'
    )
    args = parser.parse_args(argv)
    convert = restored if args.reverse else converted
    try:
        content = convert(files.read(args.src))
        files.write(args.dst, content, args.overwrite)
    except (ConversionError, CheckpointError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    weights = content['model' if args.reverse else 'state_dict']
    print(f'{args.dst}: {len(weights)} tensors')
    return 0


if __name__ == '__main__':
    sys.exit(main())
