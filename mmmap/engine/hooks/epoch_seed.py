"""Randomness that a resumed run repeats."""

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import set_random_seed
from numpy.random import SeedSequence


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Make each epoch's random numbers a function of seed, epoch and rank.

    mmengine's checkpoints hold no random states, so a resumed run would mask
    and augment otherwise than an uninterrupted one. With this hook they are
    equal, as far as data is loaded in the main process or by workers that
    are started anew each epoch (``persistent_workers=False``).
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        """Order the data by the seed of the run that is resumed.

        The runner takes that seed over from the checkpoint only after it
        built the sampler with its own, which is random unless configured.
        """
        batches = getattr(runner.train_dataloader, 'batch_sampler', None)
        sampler = getattr(batches, 'sampler', None)
        if runner._resume and hasattr(sampler, 'seed'):
            sampler.seed = runner.seed

    def before_train_epoch(self, runner) -> None:
        """Seed."""
        entropy = [runner.seed or 0, runner.epoch, get_rank()]
        set_random_seed(int(SeedSequence(entropy).generate_state(1)[0]))
