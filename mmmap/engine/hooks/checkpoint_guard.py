"""No checkpoint is loaded in silence."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop

from ...checkpoints import CheckpointError
from ...models.backbones.pretrained import compare, weights_of


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Refuse a checkpoint that does not fit before it is loaded.

    mmengine's runner loads ``load_from`` with ``strict=False``. This hook
    lets pass what a user may want (other heads for other classes) while
    training from ``load_from``, and wants everything to fit when resuming and
    testing.

    Raises:
        CheckpointError: Nothing fits, the backbone does not fit, or, when
            resuming or testing, anything does not fit.
    """

    priority = 'VERY_HIGH'

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Compare the checkpoint with the runner's model."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        source = str(runner._load_from or 'checkpoint')
        report = compare(model, weights_of(checkpoint, source), source)
        problems = [*report.missing, *report.mismatched]
        # The loop is built at the start of training only.
        trains = isinstance(runner._train_loop, BaseLoop)
        if trains and not runner._resume:
            problems = [p for p in problems if p.startswith('backbone.')]
        if problems or not report.matched:
            raise CheckpointError(
                f'{report}. It does not fit {type(model).__name__}: use the '
                'config it was trained with; for a pretrained backbone '
                "set model.backbone.init_cfg=dict(type='Pretrained', "
                "checkpoint=..., prefix='backbone.')"
            )
        runner.logger.info(f'checkpoint {report}')
