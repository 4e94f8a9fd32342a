"""Operators that differentiate once, and errors for other derivatives."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.autograd import forward_ad

LIBRARY = torch.library.Library('mmmap', 'FRAGMENT')


def define_with_gradient(
    forward: tuple[str, Callable],
    backward: tuple[str, Callable],
    keep: Callable,
    differentiate: Callable,
    op: str,
    instead: str,
) -> tuple[Callable, Callable]:
    """Define an operator and, as another, its gradient.

    Differentiating the second is a helpful error.

    Args:
        forward: Schema, as torch writes it, and fake of the operator.
        backward: Those of its gradient.
        keep: Stores what the gradient needs; see ``setup_context`` in
            ``torch.library.register_autograd``.
        differentiate: From the context, the backward operator and gradients
            of the results to gradients of the arguments.
        op: The function that users call.
        instead: The backend that has second derivatives.

    Returns:
        Both operators; ``LIBRARY.impl`` registers their kernels.
    """
    names = []
    for schema, fake in (forward, backward):
        LIBRARY.define(schema)
        names.append(f'mmmap::{schema.partition("(")[0]}')
        torch.library.register_fake(names[-1], fake, lib=LIBRARY)
    operators = [
        getattr(torch.ops.mmmap, name.removeprefix('mmmap::'))
        for name in names
    ]

    def refuse(ctx, *grads):
        raise RuntimeError(
            f'{op}: the kernels have no second derivatives; for gradients of '
            f'gradients use backend={instead!r}'
        )

    torch.library.register_autograd(
        names[0],
        lambda ctx, *grads: differentiate(ctx, operators[1], *grads),
        setup_context=keep,
        lib=LIBRARY,
    )
    torch.library.register_autograd(names[1], refuse, lib=LIBRARY)
    return tuple(operators)


def refuse_forward_mode(
    op: str, instead: str, tensors: Iterable[Tensor | None]
) -> None:
    """Raise if forward-mode derivatives are requested.

    torch would treat the tangent as zero.

    Args:
        op: The function that users call.
        instead: The backend that has forward-mode derivatives.
        tensors: Its arguments.

    Raises:
        NotImplementedError: An argument carries a tangent.
    """
    if forward_ad._current_level < 0:
        return
    for x in tensors:
        if x is not None and forward_ad.unpack_dual(x).tangent is not None:
            raise NotImplementedError(
                f'{op}: the kernels have no forward-mode derivatives (jvp); '
                f'use backend={instead!r}'
            )
