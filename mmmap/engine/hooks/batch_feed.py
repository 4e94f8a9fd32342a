"""Enough data for every process."""

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class BatchFeedHook(Hook):
    """Refuse to train on more processes than the data can feed.

    Raises:
        ValueError: Some process would never get a batch of its own.
    """

    def before_train(self, runner) -> None:
        """Compare the data set with the batch of all processes."""
        loader = runner.train_dataloader
        size = loader.batch_size or 1
        needed = runner.world_size * (size if loader.drop_last else 1)
        images = len(loader.dataset)
        if images < needed:
            raise ValueError(
                f'{images} training images cannot feed {runner.world_size} '
                f'processes with batches of {size}: use fewer processes, a '
                'smaller train_dataloader.batch_size or more data'
            )
