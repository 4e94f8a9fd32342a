"""The convolution in C++ for CPU tensors, with its activation.

The source is in ``mmmap/ops/csrc``.
"""

from ..extension import load_extension
from .operator import define

apply = define('cpp')
load_extension()
