"""Checking a checkpoint before mmengine loads it."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop

from ...checkpoints.fit import BACKBONE, OWN_CONFIG, WHOLE, compare, weights_of


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Refuse a checkpoint that does not fit, before it is loaded.

    mmengine's runner loads ``load_from`` with ``strict=False``. When training
    starts from ``load_from``, this hook allows other heads for other classes;
    when resuming or testing, everything has to fit.

    Raises:
        CheckpointError: Nothing fits, the backbone does not fit, or, when
            resuming or testing, anything does not fit.
    """

    priority = 'VERY_HIGH'

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Compare a checkpoint with the runner's model."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        source = str(runner._load_from or 'checkpoint')
        # The loop exists only in training.
        trains = isinstance(runner._train_loop, BaseLoop)
        policy = BACKBONE if trains and not runner._resume else WHOLE
        weights = weights_of(checkpoint, source)
        fit = compare(model, weights, source, policy)
        fit.check(
            type(model).__name__,
            f'{OWN_CONFIG}; for a pretrained backbone '
            "set model.backbone.init_cfg=dict(type='Pretrained', "
            "checkpoint=..., prefix='backbone.')",
        )
        runner.logger.info(f'checkpoint {fit}')
