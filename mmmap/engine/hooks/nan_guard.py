"""Ending a run whose loss is not finite."""

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ...errors import UserError


class DivergenceError(UserError, FloatingPointError):
    """A loss that is not finite."""


@HOOKS.register_module()
class NaNGuardHook(Hook):
    """Stop before a NaN or infinite loss spoils the checkpoints.

    Args:
        interval: Iterations between checks; each waits for the GPU.

    Raises:
        DivergenceError: A loss is not finite.
    """

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ) -> None:
        """Check the losses."""
        if not self.every_n_train_iters(runner, self.interval):
            return
        wrong = {
            name: value.item()
            for name, value in (outputs or {}).items()
            if torch.is_tensor(value) and not value.isfinite().all()
        }
        if wrong:
            raise DivergenceError(
                f'losses that are not finite after iteration '
                f'{runner.iter + 1}: {wrong}. Resume from the last checkpoint '
                'with a lower learning rate, gradient clipping, or bf16 '
                'instead of fp16'
            )
