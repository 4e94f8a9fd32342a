import cv2
import pytest
import torch

from mmmap.engine import ReconstructionHook
from mmmap.engine.hooks.reconstruction import draw
from tests.engine.tiny_runner import noise, tiny_runner
from tests.models.tiny import tiny_map


def trained(work_dir, *hooks):
    """Weights and random states after training."""
    runner = tiny_runner(work_dir, hooks)
    runner.train()
    assert runner.model.training
    return runner.model.state_dict(), torch.get_rng_state()


def test_training_is_the_same_with_and_without(tmp_path):
    weights, state = trained(tmp_path / 'without')
    hook = ReconstructionHook(num_images=2)
    same_weights, same_state = trained(tmp_path / 'with', hook)
    assert torch.equal(state, same_state)
    for name, value in weights.items():
        assert torch.equal(value, same_weights[name]), name
    untrained = tiny_map().state_dict()
    assert not torch.equal(
        untrained['head.pred.bias'], weights['head.pred.bias']
    )


@pytest.mark.parametrize(
    ('interval', 'drawn'), [(1, [1, 2, 3]), (2, [2, 3]), (10, [3])]
)
def test_pictures_at_the_interval_and_at_the_end(tmp_path, interval, drawn):
    hook = dict(type='ReconstructionHook', interval=interval, num_images=1)
    tiny_runner(tmp_path / f'run{interval}', [hook], epochs=3).train()
    pictures = sorted(tmp_path.rglob('reconstruction_*.png'))
    steps = [int(path.stem.split('_')[1]) for path in pictures]
    assert steps == drawn
    # 16 px are shown ten times as large: a title, three columns, gaps.
    assert cv2.imread(str(pictures[0])).shape == (186, 492, 3)


def test_picture_of_a_batch_is_always_the_same():
    model = tiny_map().train()
    batch = dict(
        inputs=torch.stack([item['inputs'] for item in noise(3)]),
        data_samples=None,
    )
    first = draw(model, batch, 2)
    torch.manual_seed(9)
    assert (draw(model, batch, 2) == first).all()
    assert model.training
    assert first.shape == (22 + 2 * 164, 492, 3)
