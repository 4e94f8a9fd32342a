"""Gradients of operators that are expressions torch can differentiate."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def gradients(
    function: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    grad_output: Tensor,
) -> tuple[Tensor, ...]:
    """Run a function again and propagate back through it.

    Args:
        function: Returns one tensor.
        inputs: Its arguments.
        grad_output: Gradient of what it returns.

    Returns:
        The gradient of each input.
    """
    with torch.enable_grad():
        inputs = [tensor.detach().requires_grad_() for tensor in inputs]
        output = function(*inputs)
    return torch.autograd.grad(output, inputs, grad_output)


def supported(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors in a type that torchvision has operators for.

    All get the type of the first; bfloat16, and float16 on a CPU, become
    float32.

    Raises:
        TypeError: The first holds integers, and so would what mmcv has
            made for the result.
    """
    kind = tensors[0].dtype
    if not kind.is_floating_point:
        raise TypeError(
            f'This operator takes floating-point tensors, not {kind}: '
            'convert the input with .float()'
        )
    if kind == torch.bfloat16 or tensors[0].is_cpu and kind == torch.float16:
        kind = torch.float32
    return tuple(tensor.to(kind) for tensor in tensors)
