"""Errors for derivatives that the kernels do not have."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.autograd import forward_ad


def refuse_second_derivatives(
    operator: str, op: str, instead: str, library: torch.library.Library
) -> None:
    """Make differentiating a backward operator a helpful error.

    Args:
        operator: The backward operator, as ``'mmmap::scan_backward_cpp'``.
        op: The function that users call.
        instead: The backend that has second derivatives.
        library: Where the operator is defined.
    """

    def refuse(ctx, *grads):
        raise RuntimeError(
            f'{op}: the kernels differentiate once; for gradients of '
            f'gradients use backend={instead!r}'
        )

    torch.library.register_autograd(operator, refuse, lib=library)


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
