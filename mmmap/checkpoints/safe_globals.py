"""The classes that a checkpoint may hold besides tensors.

torch reads with ``weights_only=True``: it builds only tensors, plain
containers and the classes listed here. mmengine's reader starts the same way,
but allows ``getattr`` and falls back to running any code in the file.
"""

import argparse

import numpy as np
from mmengine.logging import HistoryBuffer


def _no_attribute(owner: type, name: str) -> None:
    """Replaces ``getattr``, which logged numbers use to name methods."""


class _LoggedNumbers:
    """Replaces HistoryBuffer, whose loading changes its class."""

    def __setstate__(self, state: dict) -> None:
        """Become a HistoryBuffer with only the numbers."""
        buffer = HistoryBuffer(
            state['_log_history'],
            state['_count_history'],
            state['max_length'],
        )
        self.__class__ = HistoryBuffer
        self.__dict__.update(buffer.__dict__)


# The dtypes that are logged, counted or stored with a data set.
_KINDS = (
    np.bool_,
    np.uint8,
    np.uint32,
    np.int32,
    np.int64,
    np.float32,
    np.float64,
)
# Files of numpy 1 have another name for its core.
_CORE = np._core.multiarray
_NUMPY = [
    (function, f'numpy.{core}.multiarray.{function.__name__}')
    for core in ('core', '_core')
    for function in (_CORE._reconstruct, _CORE.scalar)
]
# None of these runs code: command lines (the published code), logged numbers
# (mmengine), arrays and numbers of numpy.
SAFE_GLOBALS = [
    argparse.Namespace,
    (_LoggedNumbers, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_no_attribute, 'builtins.getattr'),
    *_NUMPY,
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in _KINDS),
]
