r"""Convert a checkpoint of NVIDIA's MambaVision to mmmap's, or back.

Example::

    python tools/model_converters/official_mambavision_to_mmmap.py \
        mambavision_base_1k.pth.tar mmmap.pth
    python tools/model_converters/official_mambavision_to_mmmap.py \
        mmmap.pth mambavision.pth --reverse

An unknown or missing weight is an error. The result is a checkpoint of an
ImageClassifier with a linear head; a backbone of any task takes its part by
``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')``.
NVIDIA's weights are licensed for non-commercial use.
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
from mmmap.conversion.official_mamba_vision import (
    depths_of,
    to_mmmap,
    to_official,
)

CONVERTER = Converter(
    to_mmmap,
    to_official,
    lambda official, ours: dict(
        source='official MambaVision',
        depths=depths_of(ours, 'backbone.stages'),
    ),
    # Names of wrappers in NVIDIA's releases of files and of the hub.
    keys=('state_dict', 'model'),
    prefixes=('module.', 'model.'),
)


def main(argv=None):
    """Run the command line; return its exit status."""
    return convert(parse_args(argv), CONVERTER)


if __name__ == '__main__':
    sys.exit(main())
