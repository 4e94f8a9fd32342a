import pytest
import torch

from mmmap.checkpoints import CheckpointError
from mmmap.engine import CheckpointGuardHook
from tests.engine.tiny_runner import tiny_runner
from tests.models.tiny import tiny_map


@pytest.fixture
def weights():
    return tiny_map(seed=5).state_dict()


@pytest.fixture
def start(tmp_path):
    """Start training from weights and return the runner."""

    def start(weights, resume=False):
        path = tmp_path / 'start.pth'
        torch.save(dict(state_dict=weights, meta={}), path)
        times = len(list(tmp_path.iterdir()))
        runner = tiny_runner(
            tmp_path / f'run{times}',
            [CheckpointGuardHook()],
            load_from=str(path),
            resume=resume,
            epochs=1,
        )
        runner.train()
        return runner

    return start


def without(weights, part):
    return {k: v for k, v in weights.items() if not k.startswith(part)}


def began_with(runner, weights, name):
    """Whether a weight, after a few steps, is near where it should begin."""
    begin, other = weights[name], tiny_map().state_dict()[name]
    change = (runner.model.state_dict()[name] - begin).abs().max()
    return change < (other - begin).abs().max() / 2


def test_what_fits_is_loaded(start, weights):
    runner = start(weights)
    assert began_with(runner, weights, 'head.pred.weight')


def test_another_head_is_allowed_in_training(start, weights):
    runner = start(without(weights, 'head.'))
    assert began_with(runner, weights, 'decoder.embed.weight')
    assert not began_with(runner, weights, 'head.pred.weight')
    runner = start(weights | {'head.pred.bias': torch.zeros(7)})
    assert began_with(runner, weights, 'decoder.embed.weight')


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda w: without(w, 'backbone.layers.0.'), 'missing.*layers.0'),
        (
            lambda w: w | {'backbone.norm.weight': torch.zeros(5)},
            r'mismatched \(backbone.norm.weight \(5,\) for \(16,\)\)',
        ),
        (lambda w: {'conv1.weight': torch.zeros(2)}, '0 tensors matched'),
    ],
)
def test_a_backbone_that_does_not_fit(start, weights, spoil, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        start(spoil(weights))
    assert 'does not fit MAP' in str(caught.value)
    assert 'init_cfg' in str(caught.value)


def test_resuming_wants_everything(start, weights):
    with pytest.raises(CheckpointError, match='missing.*head.pred'):
        start(without(weights, 'head.'), resume=True)


def test_loading_without_training_wants_everything(tmp_path, weights):
    """As testing does."""
    path = tmp_path / 'start.pth'
    runner = tiny_runner(tmp_path / 'run', [CheckpointGuardHook()])
    torch.save(dict(state_dict=weights, meta={}), path)
    runner.load_checkpoint(str(path))
    torch.save(dict(state_dict=without(weights, 'head.'), meta={}), path)
    with pytest.raises(CheckpointError, match='missing.*head.pred'):
        runner.load_checkpoint(str(path))
