import cv2
import pytest
import torch
from mmpretrain.structures import DataSample

from mmmap.engine import ReconstructionHook
from mmmap.engine.hooks.reconstruction import draw
from tests.engine.tiny_runner import noise, tiny_runner
from tests.models.tiny import tiny_map
from tests.models.tiny_points import seeded_clouds, tiny_point_map


def cloud_noise():
    """Clouds as a data set's pipeline gives them."""
    return [
        dict(inputs=cloud, data_samples=DataSample())
        for cloud in seeded_clouds(4)
    ]


KINDS = {
    'images': (tiny_map, noise),
    'points': (tiny_point_map, cloud_noise),
}
EACH_KIND = pytest.mark.parametrize('kind', KINDS)


def trained(kind, work_dir, *hooks):
    """Weights and random states after training."""
    make_model, make_data = KINDS[kind]
    runner = tiny_runner(
        work_dir, hooks, model=make_model(), dataset=make_data()
    )
    runner.train()
    assert runner.model.training
    return runner.model.state_dict(), torch.get_rng_state()


@EACH_KIND
def test_training_is_the_same_with_and_without(tmp_path, kind):
    weights, state = trained(kind, tmp_path / 'without')
    hook = ReconstructionHook(num_images=2)
    same_weights, same_state = trained(kind, tmp_path / 'with', hook)
    assert torch.equal(state, same_state)
    for name, value in weights.items():
        assert torch.equal(value, same_weights[name]), name
    untrained = KINDS[kind][0]().state_dict()
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


def test_clouds_have_a_page_beside_the_picture(tmp_path):
    trained('points', tmp_path / 'run', dict(type='ReconstructionHook'))
    pictures = sorted(tmp_path.rglob('reconstruction_*.png'))
    pages = sorted(tmp_path.rglob('reconstruction_*.html'))
    assert [p.with_suffix('.html') for p in pictures] == pages
    assert len(pages) == 2
    assert cv2.imread(str(pictures[0])).shape == (780, 1274, 3)
    assert '"title": "After epoch 2"' in pages[1].read_text()


def test_picture_of_a_batch_is_always_the_same():
    model = tiny_map().train()
    batch = dict(
        inputs=torch.stack([item['inputs'] for item in noise(3)]),
        data_samples=None,
    )
    first, page = draw(model, batch, 2)
    assert page is None
    torch.manual_seed(9)
    assert (draw(model, batch, 2)[0] == first).all()
    assert model.training
    assert first.shape == (22 + 2 * 164, 492, 3)
