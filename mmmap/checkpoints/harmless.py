"""What a checkpoint may hold beside tensors, told to torch's own unpickler.

torch reads with ``weights_only=True``: it builds nothing but tensors, plain
containers and what is listed here. mmengine's reader takes the same way, but
allows ``getattr`` and falls back to running whatever the file asks for.
"""

import argparse

import numpy as np
from mmengine.logging import HistoryBuffer


def _no_attribute(owner: type, name: str) -> None:
    """In place of getattr, by which logged numbers name methods of theirs."""


class _LoggedNumbers:
    """In place of HistoryBuffer, whose own loading changes its class."""

    def __setstate__(self, state: dict) -> None:
        """Become a HistoryBuffer with the numbers and nothing else."""
        buffer = HistoryBuffer(
            state['_log_history'],
            state['_count_history'],
            state['max_length'],
        )
        self.__class__ = HistoryBuffer
        self.__dict__.update(buffer.__dict__)


# The kinds of numbers that are logged, counted or kept of a data set.
_KINDS = (
    np.bool_,
    np.uint8,
    np.uint32,
    np.int32,
    np.int64,
    np.float32,
    np.float64,
)
# numpy 1 called its core by another name, which its files have.
_CORE = np._core.multiarray
_NUMPY = [
    (function, f'numpy.{core}.multiarray.{function.__name__}')
    for core in ('core', '_core')
    for function in (_CORE._reconstruct, _CORE.scalar)
]
# None of them runs anything: command lines (the published code), logged
# numbers (mmengine), arrays and numbers of numpy.
HARMLESS = [
    argparse.Namespace,
    (_LoggedNumbers, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_no_attribute, 'builtins.getattr'),
    *_NUMPY,
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in _KINDS),
]
