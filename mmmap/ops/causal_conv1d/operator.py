"""A kernel of the convolution as a torch operator with gradients.

A kernel computes two functions:

- ``forward(x, weight, bias, silu, reverse) -> y``;
- ``backward(dy, x, weight, bias, silu, reverse)`` -> gradients of x, weight
  and, where there is one, bias.

The result and the gradient of x have the memory layout of ``x``: channels
last stay last. Backward recomputes the activation.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from ..first_order import LIBRARY, define_with_gradient, refuse_forward_mode

_ARGUMENTS = 'Tensor x, Tensor weight, Tensor? bias, bool silu, bool reverse'
# What users call, and the backend for other derivatives.
_FUNCTION = 'causal_conv1d', 'torch'
_PAIRS = 'Tensor x, Tensor[] weights, Tensor[] biases, bool silu'


def define(kernel: str, channels_last: bool = False) -> Callable:
    """Define ``mmmap::conv_forward_<kernel>`` and its backward.

    Args:
        kernel: Name of the backend.
        channels_last: Whether results are channels last for any ``x``.

    Returns:
        The backend's ``apply``; ``implement`` registers the kernels.
    """
    like = _channels_last if channels_last else torch.empty_like
    schemas = (
        f'conv_forward_{kernel}({_ARGUMENTS}) -> Tensor',
        f'conv_backward_{kernel}(Tensor dy, {_ARGUMENTS}) -> Tensor[]',
    )
    operator, _ = define_with_gradient(
        (schemas[0], functools.partial(_fake_forward, like)),
        (schemas[1], functools.partial(_fake_backward, like)),
        _keep,
        _differentiate,
        *_FUNCTION,
    )

    def apply(x, weight, bias, silu, reverse):
        refuse_forward_mode(*_FUNCTION, (x, weight, bias))
        return operator(x, weight, bias, silu, reverse)

    return apply


def implement(kernel: str, forward: Callable, backward: Callable, key: str):
    """Register two Python functions as the operators on a dispatch key."""
    LIBRARY.impl(f'conv_forward_{kernel}', forward, key)
    LIBRARY.impl(f'conv_backward_{kernel}', backward, key)


def define_pair(kernel: str) -> Callable:
    """Define ``mmmap::conv_both_<kernel>``: both directions of one x.

    Results and the gradient of x are channels last.

    Args:
        kernel: Name of the backend.

    Returns:
        A function (x, weights, biases, silu) -> forward's and backward's y.
    """
    backward = (
        f'conv_both_backward_{kernel}'
        f'(Tensor dy_forward, Tensor dy_backward, {_PAIRS}) -> Tensor[]'
    )
    operator, _ = define_with_gradient(
        (f'conv_both_{kernel}({_PAIRS}) -> (Tensor, Tensor)', _fake_both),
        (backward, _fake_both_backward),
        _keep_both,
        _differentiate_both,
        *_FUNCTION,
    )

    def apply(x, weights, biases, silu):
        refuse_forward_mode(*_FUNCTION, (x, *weights, *biases))
        return operator(x, weights, biases, silu)

    return apply


def implement_pair(
    kernel: str, forward: Callable, backward: Callable, key: str
) -> None:
    """Register two functions for ``define_pair``; see ``implement``."""
    LIBRARY.impl(f'conv_both_{kernel}', forward, key)
    LIBRARY.impl(f'conv_both_backward_{kernel}', backward, key)


def _channels_last(x: Tensor) -> Tensor:
    return x.mT.new_empty(x.mT.shape).mT


def _fake_both(x, weights, biases, silu) -> tuple[Tensor, Tensor]:
    return _channels_last(x), _channels_last(x)


def _fake_both_backward(dy0, dy1, x, weights, biases, silu) -> list[Tensor]:
    parameters = [w.new_empty(w.shape) for w in (*weights, *biases)]
    return [_channels_last(x), *parameters]


def _keep_both(ctx, inputs, output):
    x, weights, biases, ctx.silu = inputs
    ctx.count = len(biases)
    ctx.save_for_backward(x, *weights, *biases)


def _differentiate_both(ctx, backward, *dys):
    x, *parameters = ctx.saved_tensors
    weights, biases = parameters[:2], parameters[2:]
    dx, *grads = backward(*dys, x, weights, biases, ctx.silu)
    return dx, grads[:2], grads[2:], None


def _fake_forward(like, x, weight, bias, silu, reverse) -> Tensor:
    return like(x)


def _fake_backward(like, dy, x, weight, bias, silu, reverse) -> list[Tensor]:
    grads = [like(x), weight.new_empty(weight.shape)]
    return grads if bias is None else [*grads, bias.new_empty(bias.shape)]


def _keep(ctx, inputs, output):
    x, weight, bias, *ctx.settings = inputs
    ctx.save_for_backward(x, weight, bias)


def _differentiate(ctx, backward, dy):
    x, weight, bias = ctx.saved_tensors
    grads = backward(dy, x, weight, bias, *ctx.settings)
    dbias = None if bias is None else grads[2]
    return grads[0], grads[1], dbias, None, None
