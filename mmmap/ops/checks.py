"""What every operator asks of its tensors."""

import torch
from torch import Tensor

KINDS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def check_tensor(
    op: str, name: str, x: Tensor, device: torch.device | None = None
) -> None:
    """Raise unless something is an ordinary tensor of real numbers.

    Args:
        op: The operator, for the message.
        name: The argument.
        x: What came.
        device: Where it must be, with the others; anywhere by default.

    Raises:
        ValueError: It is something else.
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
