"""Random numbers that a resumed run repeats."""

from collections.abc import Iterator

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
    and augment differently from an uninterrupted one. With this hook they are
    equal, provided data is loaded in the main process or by workers that
    restart each epoch (``persistent_workers=False``). Loops that count
    iterations are seeded in each iteration; there, workers augment
    differently after a resume (with ``num_workers=0`` they do not).
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        """Order and augment by the seed of the resumed run.

        The runner adopts that seed from the checkpoint only after it has
        built the data loader with its own, which is random unless
        configured. Without mmengine's ``worker_init_fn`` torch seeds the
        workers from this process in each epoch.
        """
        loader = runner.train_dataloader
        init = getattr(loader, 'worker_init_fn', None)
        if getattr(init, 'func', None) is worker_init_fn:
            loader.worker_init_fn = None
        batches = getattr(loader, 'batch_sampler', None)
        sampler = getattr(batches, 'sampler', None)
        if runner._resume and hasattr(sampler, 'seed'):
            sampler.seed = runner.seed
        loop = getattr(runner, 'train_loop', None)
        batches = getattr(loop, 'dataloader_iterator', None)
        if batches is not None:
            loop.dataloader_iterator = _SeededBatches(batches, runner.seed)

    def before_train_epoch(self, runner) -> None:
        """Seed."""
        _seed(runner.seed, runner.epoch)


class _SeededBatches:
    """Seed before each batch of a loop that counts iterations.

    Args:
        batches: mmengine's iterator.
        seed: Seed of the run.
    """

    def __init__(self, batches: Iterator, seed: int | None) -> None:
        self.batches, self.seed, self.count = batches, seed, 0

    def __iter__(self) -> Iterator:
        return self

    def __next__(self):
        # A loader draws a number when it starts. That has to happen before
        # seeding, or a resumed run would draw one more than the other.
        getattr(self.batches, '_ensure_iterator', lambda: None)()
        _seed(self.seed, self.count)
        self.count += 1
        return next(self.batches)

    def skip_iter(self, number: int) -> None:
        """Skip the batches of earlier iterations."""
        self.batches.skip_iter(number)
        self.count += number


def _seed(seed: int | None, count: int) -> None:
    """Seed from a run's seed, an epoch or iteration, and the rank."""
    entropy = [seed or 0, count, get_rank()]
    set_random_seed(int(SeedSequence(entropy).generate_state(1)[0]))
