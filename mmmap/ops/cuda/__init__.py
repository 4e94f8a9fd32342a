"""CUDA kernels that are compiled where they run.

The sources in ``kernels/`` are compiled by NVRTC, through ``cuda-bindings``;
torch's CUDA wheels bring both. Nothing has to be installed or compiled by the
user, and one source serves every GPU. See :mod:`.program`.
"""

from .program import Kernels, Rows, rows, source
from .tensors import even_channels, token_rows, without_padding

__all__ = [
    'Kernels',
    'Rows',
    'even_channels',
    'rows',
    'source',
    'token_rows',
    'without_padding',
]
