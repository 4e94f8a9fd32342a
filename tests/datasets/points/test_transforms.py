import numpy as np
import pytest
import torch

from mmmap.datasets.points import (
    NormalizePoints,
    PackPoints,
    RotatePoints,
    SamplePoints,
    ScaleTranslatePoints,
)


@pytest.fixture
def item():
    np.random.seed(0)
    points = np.random.standard_normal((50, 3)).astype(np.float32)
    return dict(points=points, gt_part=np.arange(50), gt_label=3, parts=(1,))


def test_samples(item):
    points = item['points']
    first = SamplePoints(20)(dict(item))
    assert np.array_equal(first['points'], points[:20])
    drawn = SamplePoints(20, random=True)(dict(item))
    parts = drawn['gt_part']
    assert len(set(parts.tolist())) == 20
    assert not np.array_equal(parts, np.sort(parts))
    # Labels stay with their points.
    assert np.array_equal(drawn['points'], points[parts])
    message = '51 points are wanted, cloud 7 of a.npz has 50'
    with pytest.raises(ValueError, match=message):
        SamplePoints(51)(dict(item, sample_idx=7, path='a.npz'))
    again = SamplePoints(70, random=True, repeat=True)(dict(item))
    assert (
        sorted(np.bincount(again['gt_part']).tolist()) == [1] * 30 + [2] * 20
    )


def test_normalised(item):
    item['points'] = item['points'] * 7 + 3
    points = NormalizePoints()(item)['points']
    assert points.dtype == np.float32
    assert np.abs(points.mean(0)).max() < 1e-6
    assert np.linalg.norm(points, axis=1).max() == pytest.approx(1)
    equal = NormalizePoints()(dict(points=np.ones((4, 3), np.float32)))
    assert not equal['points'].any()


def test_scaled_and_moved(item):
    before = item['points']
    after = ScaleTranslatePoints()(dict(item))['points']
    assert after.dtype == np.float32
    for axis in range(3):
        scale, shift = np.polyfit(before[:, axis], after[:, axis], 1)
        assert 2 / 3 <= scale <= 3 / 2
        assert abs(shift) <= 0.2
        residual = scale * before[:, axis] + shift - after[:, axis]
        assert np.abs(residual).max() < 1e-5


@pytest.mark.parametrize('axis', ['x', 'y', 'z', 'any'])
def test_turned(item, axis):
    before = item['points']
    after = RotatePoints(axis)(dict(item))['points']
    assert after.dtype == np.float32
    rotation = np.linalg.lstsq(before, after, rcond=None)[0].T
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-5)
    assert np.linalg.det(rotation) == pytest.approx(1, abs=1e-5)
    kept = [np.allclose(before[:, i], after[:, i]) for i in range(3)]
    assert kept == [axis == name for name in 'xyz']


def test_unknown_axis():
    with pytest.raises(ValueError, match="x, y, z or any, got 'up'"):
        RotatePoints('up')


def test_packed(item):
    packed = PackPoints()(dict(item, sample_idx=4))
    assert packed.keys() == {'inputs', 'data_samples'}
    assert torch.equal(packed['inputs'], torch.from_numpy(item['points']))
    sample = packed['data_samples']
    assert sample.gt_label.tolist() == [3]
    assert torch.equal(sample.gt_part, torch.arange(50))
    assert (sample.parts, sample.sample_idx) == ((1,), 4)
    bare = PackPoints()(dict(points=item['points']))['data_samples']
    assert 'gt_label' not in bare
    assert 'gt_part' not in bare
