from types import SimpleNamespace

import pytest
import torch

from mmmap.engine import NaNGuardHook
from tests.engine.tiny_runner import tiny_runner


def look(interval, iteration, **losses):
    runner = SimpleNamespace(iter=iteration)
    outputs = {name: torch.tensor(value) for name, value in losses.items()}
    NaNGuardHook(interval).after_train_iter(runner, 0, outputs=outputs)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_names_the_losses_that_are_not_finite(value):
    with pytest.raises(FloatingPointError) as caught:
        look(1, 4, loss=value, loss_mask=1.5)
    message = str(caught.value)
    assert f"after iteration 5: {{'loss': {value}}}" in message
    assert 'lower learning rate' in message


def test_looks_at_its_interval_only():
    look(10, 4, loss=float('nan'))
    look(1, 4, loss=2.0)
    with pytest.raises(FloatingPointError, match='after iteration 10'):
        look(10, 9, loss=float('nan'))


def test_a_run_that_diverges_leaves_no_checkpoint(tmp_path):
    runner = tiny_runner(tmp_path / 'run', [NaNGuardHook(1)], epochs=5)
    runner.optim_wrapper['optimizer']['lr'] = 1e30
    with pytest.raises(FloatingPointError, match='after iteration 2'):
        runner.train()
    assert not list(tmp_path.glob('**/*.pth'))
