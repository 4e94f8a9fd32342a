"""Operators whose kernels differentiate once, backward."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.autograd import forward_ad


def refuse_second_derivatives(
    operator: str, op: str, instead: str, library: torch.library.Library
) -> None:
    """Let the gradient of a backward operator be an error that helps.

    Args:
        operator: The backward operator, as ``'mmmap::scan_backward_cpp'``.
        op: What users call it.
        instead: The backend that has gradients of gradients.
        library: Where it is defined.
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
    """Raise where forward-mode derivatives are asked for.

    torch would take the tangent for zero.

    Args:
        op: What users call it.
        instead: The backend that has them.
        tensors: Its arguments.

    Raises:
        NotImplementedError: One of them carries a tangent.
    """
    if forward_ad._current_level < 0:
        return
    for x in tensors:
        if x is not None and forward_ad.unpack_dual(x).tangent is not None:
            raise NotImplementedError(
                f'{op}: the kernels have no forward-mode derivatives (jvp); '
                f'use backend={instead!r}'
            )
