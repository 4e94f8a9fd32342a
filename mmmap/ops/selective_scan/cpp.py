"""The scan in C++ for CPU tensors: all of it in one call.

Softplus, both directions, skip and gate are done together, a vector of
channels at a time and on all cores. What is kept for the backward are the
inputs and one state in 64 steps; the rest is computed again. Results lie in
memory as their arguments do: channels last stay last. The source is in
``mmmap/ops/csrc``.
"""

import torch

from ..extension import load_extension
from .operator import define, fakes

apply = define('cpp', *fakes(torch.preserve_format))
load_extension()
