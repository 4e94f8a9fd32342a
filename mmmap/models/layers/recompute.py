"""Recomputing blocks in backward to save memory."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def run_block(block: nn.Module, *inputs, with_cp: bool):
    """Compute ``block(*inputs)``; optionally keep only those for backward.

    The second run does not update the running statistics of batch norms, so
    training gives the same result as without recomputing.

    Args:
        block: Any module.
        inputs: Its inputs; without a gradient of the first, nothing is kept.
        with_cp: Whether to recompute the block in backward.
    """
    if not (with_cp and inputs[0].requires_grad):
        return block(*inputs)
    norms = [
        m
        for m in block.modules()
        if isinstance(m, _BatchNorm) and m.track_running_stats
    ]
    if not norms:
        return checkpoint(block, *inputs, use_reentrant=False)
    return checkpoint(
        block,
        *inputs,
        use_reentrant=False,
        context_fn=lambda: (nullcontext(), _untracked(norms)),
    )


@contextmanager
def _untracked(norms: list[_BatchNorm]) -> Iterator[None]:
    # Not through track_running_stats: autograd would save other tensors.
    before = [
        (norm.momentum, norm.num_batches_tracked.clone()) for norm in norms
    ]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, before):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(batches)
