"""mmmap: hybrid Mamba-Transformer vision backbones on OpenMMLab.

Importing it makes the backbones, the pretraining algorithms, the necks, the
hooks, and the data sets and metrics of point clouds known to OpenMMLab's
registries, which import them when they are first asked for a class.
``mmmap.ops``, ``mmmap.models.layers`` and ``mmmap.models.masking`` need torch
alone and work where OpenMMLab is not installed.
"""

from . import openmmlab
from .version import __version__

openmmlab.attach()

__all__ = ['__version__']
