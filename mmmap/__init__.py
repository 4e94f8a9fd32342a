"""mmmap: hybrid Mamba-Transformer vision backbones on OpenMMLab.

Importing it makes the backbones, the pretraining algorithms, the necks, the
hooks, and the data sets and metrics of point clouds known to OpenMMLab's
registries, which import them when they are first asked for a class.
``mmmap.ops``, ``mmmap.models.layers`` and ``mmmap.models.masking`` need torch
alone and work where OpenMMLab is not installed.

``mmmap.pretrain``, ``segment``, ``detect``, ``classify`` and ``predict`` do
what the command ``mmmap`` does; they are imported when they are asked for.
"""

from . import openmmlab
from .version import __version__

openmmlab.attach()

_FUNCTIONS = ('pretrain', 'segment', 'detect', 'classify', 'predict')
__all__ = ['__version__', *_FUNCTIONS]


def __getattr__(name: str):
    if name not in _FUNCTIONS:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from .commands import api

    return getattr(api, name)
