import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from mmmap.models.layers.points import interpolate_features
from tests.models.tiny_points import BACKBONE, DIMS, seeded_clouds


def tiny(**head):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='PointPartSegmentor',
            backbone=BACKBONE | dict(out_indices=(0, 2)),
            head=dict(
                type='PointPartHead',
                num_parts=5,
                num_categories=2,
                in_channels=DIMS,
                num_depths=2,
                channels=(12, 10),
            )
            | head,
            data_preprocessor=dict(type='PointDataPreprocessor'),
        )
    )


def samples(number=2, part=4):
    return [
        DataSample(
            gt_part=torch.arange(40) % (part + 1),
            metainfo=dict(parts=[(0, 1), (2, 3, 4)][i % 2]),
        ).set_gt_label(i % 2)
        for i in range(number)
    ]


def test_every_parameter_has_a_gradient():
    model = tiny()
    losses = model(seeded_clouds(4), samples(4), mode='loss')
    assert losses['loss'].item() == pytest.approx(1.6, abs=0.4)
    losses['loss'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if not name.endswith('bias'):
            assert parameter.grad.abs().max() > 0, name


def test_only_parts_of_the_category_are_predicted():
    model = tiny().eval()
    clouds = seeded_clouds(2)
    scores = model(clouds, samples())
    assert scores.shape == (2, 5, 40)
    first, second = model(clouds, samples(), mode='predict')
    assert torch.equal(first.pred_part, scores[0, :2].argmax(0))
    assert torch.equal(second.pred_part, 2 + scores[1, 2:].argmax(0))
    plain = samples()
    for sample in plain:
        del sample.parts
    free, _ = model(clouds, plain, mode='predict')
    assert torch.equal(free.pred_part, scores[0].argmax(0))


def test_category_matters():
    model = tiny().eval()
    clouds = seeded_clouds(1).expand(2, -1, -1)
    scores = model(clouds, samples())
    assert not torch.allclose(scores[0], scores[1], atol=1e-4)


def test_points_may_come_in_any_order():
    model = tiny().eval()
    clouds = seeded_clouds(2)
    order = torch.cat((torch.zeros(1).long(), 1 + torch.randperm(39)))
    moved = model(clouds[:, order], samples())
    torch.testing.assert_close(moved, model(clouds, samples())[..., order])


def test_interpolation():
    places = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [9, 0, 0], [9, 9, 0]]])
    features = torch.tensor([[[0.0], [3], [6], [100]]])
    points = torch.tensor([[[1.0, 0, 0], [0.5, 0, 0]]])
    at_place, between = interpolate_features(points, places, features)[0]
    assert at_place.item() == pytest.approx(3, abs=1e-5)
    near = 1 / 0.25
    far = 1 / 8.5**2
    expected = (3 * near + 6 * far) / (2 * near + far)
    assert between.item() == pytest.approx(expected, rel=1e-5)
    out = interpolate_features(points, places[:, :1], features[:, :1])
    assert out.flatten().tolist() == [0, 0]


def test_bad_input():
    clouds = seeded_clouds(2)
    with pytest.raises(ValueError, match='set head.in_channels'):
        tiny(num_depths=3)(clouds, samples())
    with pytest.raises(ValueError, match='set num_categories'):
        tiny(num_categories=1)(clouds, samples())
    with pytest.raises(ValueError, match='parts 0 to 6.*has 5: set num_parts'):
        tiny()(clouds, samples(part=6), mode='loss')
    with pytest.raises(ValueError, match="got 'train'"):
        tiny()(clouds, samples(), mode='train')


def test_the_whole_is_maximum_mean_and_category():
    """In the order of the published weights."""
    head = tiny().head.eval()
    seen = []
    head.of_whole.register_forward_hook(lambda _, x, y: seen.extend(x))
    feats = [torch.randn(2, 6, DIMS) for _ in range(2)]
    clouds = seeded_clouds(2)
    head(clouds, clouds[:, :6], feats, torch.tensor([0, 1]))
    tokens = torch.cat(feats, -1)
    expected = [tokens.amax(1), tokens.mean(1), head.category(torch.eye(2))]
    torch.testing.assert_close(seen[0], torch.cat(expected, 1))
