"""Operators whose kernels differentiate once."""

import torch


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
