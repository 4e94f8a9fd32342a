"""The C++ operators of ``mmmap/ops/csrc``, built with the package."""

import functools
import importlib.util

import torch

NAME = 'mmmap._C'
INSTALL = 'pip install --no-build-isolation --no-deps -e .'


@functools.cache
def load_extension() -> None:
    """Load the library, which implements operators defined in Python.

    Raises:
        ImportError: It was not built, or for another torch.
    """
    spec = importlib.util.find_spec(NAME)
    if spec is None:
        raise ImportError(f'the extension {NAME} is not built')
    try:
        torch.ops.load_library(spec.origin)
    except OSError as error:
        raise ImportError(
            f'the extension {NAME} does not load (built for another torch?): '
            f'{error}'
        ) from error
