r"""Convert a checkpoint of NVIDIA's MambaVision to mmmap's, or back.

Example::

    python tools/model_converters/official_mambavision_to_mmmap.py \
        mambavision_base_1k.pth.tar mmmap.pth
    python tools/model_converters/official_mambavision_to_mmmap.py \
        mmmap.pth mambavision.pth --reverse

Every weight must be known and none absent. The result is a checkpoint of an
ImageClassifier with a linear head; a backbone of any task takes its part by
``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')``.
NVIDIA's weights are licensed for non-commercial use.
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
from mmmap.conversion.official_mamba_vision import (
    depths_of,
    to_mmmap,
    to_official,
)

# Names of wrappers in NVIDIA's releases of files and of the hub.
KEYS = ('state_dict', 'model')
PREFIXES = ('module.', 'model.')


def converted(content):
    """An official file's content as a checkpoint of mmengine's form.

    Raises:
        ConversionError: It is not complete official weights.
    """
    weights = to_mmmap(unwrapped(content, KEYS, PREFIXES))
    meta = dict(
        mmmap_version=__version__,
        source='official MambaVision',
        depths=depths_of(weights, 'backbone.stages'),
    )
    return {'state_dict': weights, 'meta': meta}


def restored(content):
    """The official form of a checkpoint of ours.

    Raises:
        ConversionError: It is not complete weights of a classifier.
        CheckpointError: It holds no weights.
    """
    official = to_official(weights_of(content, 'the checkpoint'))
    return {'state_dict': official}


def main(argv=None):
    """Run the command line; return its exit status."""
    return command.main(parse_args(argv), converted, restored)


if __name__ == '__main__':
    sys.exit(main())
