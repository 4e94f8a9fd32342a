"""A kernel of the convolution as a torch operator with gradients.

A kernel computes two functions:

- ``forward(x, weight, bias, silu, reverse) -> y``;
- ``backward(dy, x, weight, bias, silu, reverse)`` -> gradients of x, weight
  and, where there is one, bias.

The result and the gradient of x lie in memory as ``x`` does: channels last
stay last. The activation is computed again in the backward.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ..once import refuse_forward_mode, refuse_second_derivatives

_ARGUMENTS = 'Tensor x, Tensor weight, Tensor? bias, bool silu, bool reverse'
_library = torch.library.Library('mmmap', 'FRAGMENT')


def define(kernel: str) -> Callable:
    """Define ``mmmap::conv_forward_<kernel>`` and its backward.

    Args:
        kernel: Name of the backend.

    Returns:
        The backend's ``apply`` for what will be implemented under the names.
    """
    forward, backward = f'conv_forward_{kernel}', f'conv_backward_{kernel}'
    _library.define(f'{forward}({_ARGUMENTS}) -> Tensor')
    _library.define(f'{backward}(Tensor dy, {_ARGUMENTS}) -> Tensor[]')
    for name, fake in ((forward, _fake_forward), (backward, _fake_backward)):
        torch.library.register_fake(f'mmmap::{name}', fake, lib=_library)
    torch.library.register_autograd(
        f'mmmap::{forward}',
        lambda ctx, dy: _differentiate(
            ctx, getattr(torch.ops.mmmap, backward), dy
        ),
        setup_context=_keep,
        lib=_library,
    )
    refuse_second_derivatives(
        f'mmmap::{backward}', 'causal_conv1d', 'torch', _library
    )

    def apply(x, weight, bias, silu, reverse):
        refuse_forward_mode('causal_conv1d', 'torch', (x, weight, bias))
        operator = getattr(torch.ops.mmmap, forward)
        return operator(x, weight, bias, silu, reverse)

    return apply


def implement(kernel: str, forward: Callable, backward: Callable, key: str):
    """Let two Python functions be the operators on a dispatch key."""
    _library.impl(f'conv_forward_{kernel}', forward, key)
    _library.impl(f'conv_backward_{kernel}', backward, key)


def _fake_forward(x, weight, bias, silu, reverse) -> Tensor:
    return torch.empty_like(x)


def _fake_backward(dy, x, weight, bias, silu, reverse) -> list[Tensor]:
    grads = [torch.empty_like(x), weight.new_empty(weight.shape)]
    return grads if bias is None else [*grads, bias.new_empty(bias.shape)]


def _keep(ctx, inputs, output):
    x, weight, bias, *ctx.settings = inputs
    ctx.save_for_backward(x, weight, bias)


def _differentiate(ctx, backward, dy):
    x, weight, bias = ctx.saved_tensors
    grads = backward(dy, x, weight, bias, *ctx.settings)
    dbias = None if bias is None else grads[2]
    return grads[0], grads[1], dbias, None, None
