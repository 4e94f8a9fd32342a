"""Arithmetic that keeps its dtypes under autocast."""

from contextlib import AbstractContextManager, nullcontext

import torch


def no_autocast(device_type: str) -> AbstractContextManager:
    """Disable autocast, also on the device ``meta``, which has none."""
    # torch.amp.is_autocast_available would break torch.compile's graphs.
    if device_type == 'meta':
        return nullcontext()
    return torch.autocast(device_type, enabled=False)
