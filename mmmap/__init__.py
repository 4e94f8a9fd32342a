"""mmmap: hybrid Mamba-Transformer vision backbones on OpenMMLab.

Importing it makes the backbones, the pretraining algorithms, the necks, the
hooks, and the data sets and metrics of point clouds known to OpenMMLab's
registries, which import them when a class is first looked up.
``mmmap.ops``, ``mmmap.models.layers`` and ``mmmap.models.masking`` need only
torch, and work without OpenMMLab.

``mmmap.pretrain``, ``segment``, ``detect``, ``classify`` and ``predict`` do
what the command ``mmmap`` does; they are imported at first use.
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
