"""Arithmetic that keeps its types under autocast."""

from contextlib import AbstractContextManager, nullcontext

import torch


def no_autocast(device_type: str) -> AbstractContextManager:
    """Autocast off, also on the device ``meta``, which has none."""
    # torch.amp.is_autocast_available would break graphs of torch.compile.
    if device_type == 'meta':
        return nullcontext()
    return torch.autocast(device_type, enabled=False)
