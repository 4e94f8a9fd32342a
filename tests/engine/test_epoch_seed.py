from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmmap.engine import EpochSeedHook
from mmmap.engine.hooks import epoch_seed
from mmmap.models.masking import (
    DiagonalMasking,
    Layout,
    RandomMasking,
    SequentialMasking,
)


def drawn(seed, epoch):
    """What both generators give after the hook."""
    runner = SimpleNamespace(seed=seed, epoch=epoch)
    EpochSeedHook().before_train_epoch(runner)
    return torch.randint(10**9, (1,)).item(), np.random.randint(10**9)


def test_numbers_follow_from_seed_epoch_and_rank(monkeypatch):
    first = drawn(3, 1)
    assert drawn(3, 1) == first
    cases = [first, drawn(3, 2), drawn(4, 1), drawn(1, 3)]
    monkeypatch.setattr(epoch_seed, 'get_rank', lambda: 1)
    cases.append(drawn(3, 1))
    for numbers in zip(*cases, strict=True):
        assert len(set(numbers)) == len(cases)


@pytest.mark.parametrize(
    'build', [RandomMasking, SequentialMasking, DiagonalMasking]
)
def test_masks_follow_from_seed_and_rank(build, monkeypatch):
    masking, runner = build(0.5), SimpleNamespace(seed=3, epoch=1)

    def masks(rank):
        monkeypatch.setattr(epoch_seed, 'get_rank', lambda: rank)
        EpochSeedHook().before_train_epoch(runner)
        return masking(Layout((8, 8), 16)).hidden

    assert torch.equal(masks(0), masks(0))
    assert not torch.equal(masks(0), masks(1))
    assert not torch.equal(masks(1), masks(2))


@pytest.mark.parametrize(('resume', 'expected'), [(True, 7), (False, 5)])
def test_a_resumed_run_orders_the_data_by_its_first_seed(resume, expected):
    sampler = SimpleNamespace(seed=5)
    loader = SimpleNamespace(batch_sampler=SimpleNamespace(sampler=sampler))
    runner = SimpleNamespace(seed=7, train_dataloader=loader, _resume=resume)
    EpochSeedHook().before_train(runner)
    assert sampler.seed == expected


def test_data_without_a_sampler_is_left_alone():
    loader = SimpleNamespace(batch_sampler=None)
    runner = SimpleNamespace(seed=7, train_dataloader=loader, _resume=True)
    EpochSeedHook().before_train(runner)
    assert loader.batch_sampler is None
