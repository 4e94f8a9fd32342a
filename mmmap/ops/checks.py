"""Checks of the tensors of all operators."""

import torch
from torch import Tensor

KINDS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def check_tensor(
    op: str, name: str, x: Tensor, device: torch.device | None = None
) -> None:
    """Check that an argument is an ordinary tensor of real numbers.

    Args:
        op: The operator, for the message.
        name: Name of the argument.
        x: The argument.
        device: The device it must be on; any by default.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(x, Tensor):
        raise ValueError(
            f'{op}: {name} must be a tensor, got {type(x).__name__}'
        )
    kind = x.dtype in KINDS and x.layout is torch.strided and not x.is_mkldnn
    if not kind or (device is not None and x.device != device):
        raise ValueError(
            f'{op}: {name} must hold real floating-point numbers on '
            f'{device or x.device} (16, 32 or 64 bits, dense), got {x.dtype} '
            f'on {x.device}'
            f'{"" if x.layout is torch.strided else f", {x.layout}"}'
        )
