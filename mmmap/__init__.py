"""mmmap: hybrid Mamba-Transformer vision backbones on OpenMMLab.

Importing it registers the backbones, the pretraining algorithms, the necks,
the hooks, and the data sets and metrics of point clouds. ``mmmap.ops``,
``mmmap.models.layers`` and ``mmmap.models.masking`` need torch alone and work
where OpenMMLab is not installed.
"""

import sys
from importlib.util import find_spec

from .version import __version__

# The doctor must run where the stack is broken.
_DOCTOR = 'mmmap.doctor' in getattr(sys, 'orig_argv', ())

if find_spec('mmpretrain') is not None and not _DOCTOR:
    try:
        from . import engine, evaluation  # noqa: F401
        from .datasets import points  # noqa: F401
        from .models import (  # noqa: F401
            backbones,
            classifiers,
            data_preprocessors,
            decoders,
            heads,
            necks,
            segmentors,
            selfsup,
        )
    except Exception as error:  # what a broken stack raises varies
        raise ImportError(
            f'mmmap: the installed OpenMMLab stack cannot be used: {error}. '
            'Run `python -m mmmap.doctor` to see what is wrong and the '
            'commands that mend it'
        ) from error

__all__ = ['__version__']
