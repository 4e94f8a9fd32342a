"""CUDA kernels that are compiled where they run.

The sources in ``kernels/`` are compiled by NVRTC, through ``cuda-bindings``;
torch's CUDA wheels bring both. Nothing has to be installed or compiled by the
user, and one source serves every GPU. See :mod:`.program`.
"""

from .program import Launch, Pair, Pointers, Rows, pair, pointers, rows, source
from .tensors import (
    even_channels,
    fp32_parameters,
    rows_again,
    shared_bytes,
    token_rows,
    without_padding,
)

__all__ = [
    'Launch',
    'Pair',
    'Pointers',
    'Rows',
    'even_channels',
    'fp32_parameters',
    'pair',
    'pointers',
    'rows',
    'rows_again',
    'shared_bytes',
    'source',
    'token_rows',
    'without_padding',
]
