"""Randomness that a resumed run repeats."""

from mmengine.dataset import worker_init_fn
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
        """Order and augment by the seed of the run that is resumed.

        The runner takes that seed over from the checkpoint only after it
        built the data loader with its own, which is random unless
        configured. Without mmengine's ``worker_init_fn`` torch seeds the
        workers from this process, anew each epoch.
        """
        loader = runner.train_dataloader
        init = getattr(loader, 'worker_init_fn', None)
        if getattr(init, 'func', None) is worker_init_fn:
            loader.worker_init_fn = None
        batches = getattr(loader, 'batch_sampler', None)
        sampler = getattr(batches, 'sampler', None)
        if runner._resume and hasattr(sampler, 'seed'):
            sampler.seed = runner.seed

    def before_train_epoch(self, runner) -> None:
        """Seed."""
        entropy = [runner.seed or 0, runner.epoch, get_rank()]
        set_random_seed(int(SeedSequence(entropy).generate_state(1)[0]))
