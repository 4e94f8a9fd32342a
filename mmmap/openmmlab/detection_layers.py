"""mmpretrain's layer for detectors comes with mmdet.

mmpretrain (1.3.6) imports all of mmdet's models for this one class, which
takes two of the five seconds of its import. Here the class is created when
mmdet is imported.
"""

import importlib
import sys

_LAYER = 'mmpretrain.models.utils.res_layer_extra_norm'

if getattr(sys.modules.get(_LAYER), 'ResLayerExtraNorm', True) is None:
    importlib.reload(sys.modules[_LAYER])
    sys.modules['mmpretrain.models.utils'].ResLayerExtraNorm = sys.modules[
        _LAYER
    ].ResLayerExtraNorm
