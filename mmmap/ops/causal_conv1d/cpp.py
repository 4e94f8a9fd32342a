"""The convolution in C++ for CPU tensors, with its activation.

The result lies in memory as ``x`` does: channels last stay last. The
activation is computed again in the backward. The source is in
``mmmap/ops/csrc``.
"""

import torch
from torch import Tensor

from ..extension import load_extension

_library = torch.library.Library('mmmap', 'FRAGMENT')
_ARGUMENTS = 'Tensor x, Tensor weight, Tensor? bias, bool silu, bool reverse'
_library.define(f'conv_forward_cpp({_ARGUMENTS}) -> Tensor')
_library.define(f'conv_backward_cpp(Tensor dy, {_ARGUMENTS}) -> Tensor[]')
load_extension()


@torch.library.register_fake('mmmap::conv_forward_cpp', lib=_library)
def _(x, weight, bias, silu, reverse):
    return torch.empty_like(x)


@torch.library.register_fake('mmmap::conv_backward_cpp', lib=_library)
def _(dy, x, weight, bias, silu, reverse):
    grads = [torch.empty_like(x), weight.new_empty(weight.shape)]
    return grads if bias is None else [*grads, bias.new_empty(bias.shape)]


def _keep(ctx, inputs, output):
    x, weight, bias, *ctx.settings = inputs
    ctx.save_for_backward(x, weight, bias)


def _differentiate(ctx, dy):
    x, weight, bias = ctx.saved_tensors
    grads = torch.ops.mmmap.conv_backward_cpp(
        dy, x, weight, bias, *ctx.settings
    )
    dbias = None if bias is None else grads[2]
    return grads[0], grads[1], dbias, None, None


def _only_once(ctx, *grads):
    raise RuntimeError(
        'causal_conv1d: the kernel differentiates once; for gradients of '
        "gradients use backend='torch'"
    )


torch.library.register_autograd(
    'mmmap::conv_forward_cpp',
    _differentiate,
    setup_context=_keep,
    lib=_library,
)
torch.library.register_autograd(
    'mmmap::conv_backward_cpp', _only_once, lib=_library
)


def apply(
    x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, reverse: bool
) -> Tensor:
    """(B, D, L) -> (B, D, L), with zeros before the first token."""
    return torch.ops.mmmap.conv_forward_cpp(x, weight, bias, silu, reverse)
