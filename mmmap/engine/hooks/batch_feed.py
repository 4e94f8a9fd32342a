"""Checking that there are enough data for every process."""

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError
from ...wording import counted


def check_feed(runner: Runner) -> None:
    """Compare the size of a data set with the batch of all processes.

    Raises:
        InputError: A process would never get a batch, or no image is left to
            train on.
    """
    try:
        loader = runner.train_dataloader
    except ValueError as error:
        # mmengine's data set raises this when its list is empty.
        if 'need at least one array to concatenate' not in str(error):
            raise
        raise InputError(
            'no training image is left: the annotations list none, or '
            'filter_cfg of the data set (filter_empty_gt, min_size) removes '
            'all of them'
        ) from error
    size = loader.batch_size or 1
    needed = runner.world_size * (size if loader.drop_last else 1)
    images = len(loader.dataset)
    if images < needed:
        raise InputError(
            f'{counted(images, "training image")} cannot feed '
            f'{counted(runner.world_size, "process", "processes")} with '
            f'batches of {size}: use fewer processes, a smaller '
            'train_dataloader.batch_size or more data'
        )


@HOOKS.register_module()
class BatchFeedHook(Hook):
    """Refuse to train on more processes than there are batches.

    Schedulers that count steps of an epoch refuse an empty epoch before any
    hook is called, so ``tools/train.py`` checks at the start too.

    Raises:
        InputError: A process would never get a batch.
    """

    def before_train(self, runner) -> None:
        """Check."""
        check_feed(runner)
