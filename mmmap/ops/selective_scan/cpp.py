"""The scan in C++ for CPU tensors: all of it in one call.

Softplus, both directions, skip and gate are done together, eight channels at
a time and on all cores. What is kept for the backward are the inputs and one
state in 64 steps; the rest is computed again. The source is in
``mmmap/ops/csrc``; it is built with the package where there is a compiler.
"""

import importlib.util

import torch

from .operator import define

_spec = importlib.util.find_spec('mmmap._C')
if _spec is None:
    raise ImportError('the extension mmmap._C is not built')

# The library implements what is defined here.
apply = define('cpp')
try:
    torch.ops.load_library(_spec.origin)
except OSError as error:
    raise ImportError(
        'the extension mmmap._C does not load (built for another torch?): '
        f'{error}'
    ) from error
