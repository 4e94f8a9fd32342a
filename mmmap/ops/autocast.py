"""Arithmetic that keeps its types under autocast."""

from contextlib import AbstractContextManager, nullcontext

import torch


def no_autocast(device_type: str) -> AbstractContextManager:
    """Autocast off, also on devices that have none, such as ``meta``."""
    if torch.amp.is_autocast_available(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()
