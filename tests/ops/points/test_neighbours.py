import pytest
import torch

from mmmap.ops import ball_query, farthest_point_sample, gather_points, knn
from mmmap.ops.points import neighbours, reference
from tests.ops.points.clouds import cloud, lattice

MAKERS = pytest.mark.parametrize('make', [cloud, lattice])
SIZES = pytest.mark.parametrize(
    ('batch', 'number', 'queries', 'k'),
    [(1, 1, 1, 1), (2, 7, 5, 3), (3, 63, 17, 63), (1, 197, 33, 8)],
)


@MAKERS
@SIZES
def test_knn_agrees_with_the_reference(make, batch, number, queries, k):
    points, places = make(batch, number), make(batch, queries, seed=1)
    found = knn(points, places, k)
    assert found.shape == (batch, queries, k)
    assert torch.equal(found, reference.knn(points, places, k))


@MAKERS
@SIZES
@pytest.mark.parametrize('radius', [0.3, 1.0, 2.0, 50.0])
def test_ball_agrees_with_the_reference(
    make, batch, number, queries, k, radius
):
    points, places = make(batch, number), make(batch, queries, seed=1)
    found = ball_query(points, places, radius, k)
    expected = reference.ball_query(points, places, radius, k)
    assert torch.equal(found, expected)


@MAKERS
@pytest.mark.parametrize(
    ('batch', 'number', 'num'),
    [(1, 1, 1), (2, 7, 7), (3, 63, 17), (1, 197, 100)],
)
def test_sampling_agrees_with_the_reference(make, batch, number, num):
    points = make(batch, number)
    found = farthest_point_sample(points, num)
    expected = reference.farthest_point_sample(points, num)
    assert torch.equal(found, expected)


@pytest.mark.parametrize('chunk', [1, 50, 10**6])
def test_chunks_change_nothing(monkeypatch, chunk):
    points, places = lattice(2, 31), lattice(2, 19, seed=1)
    expected = reference.knn(points, places, 5)
    in_ball = reference.ball_query(points, places, 1.5, 5)
    monkeypatch.setattr(neighbours, 'CHUNK', chunk)
    assert torch.equal(knn(points, places, 5), expected)
    assert torch.equal(ball_query(points, places, 1.5, 5), in_ball)


def test_numbers_by_hand():
    points = torch.tensor([[0.0, 1, 2, 4, 8]])[..., None] * torch.eye(3)[0]
    assert farthest_point_sample(points, 5).tolist() == [[0, 4, 3, 2, 1]]
    query = torch.tensor([[[1.5, 0, 0], [100, 0, 0]]])
    # 1 and 2 are equally far: the lower index first.
    assert knn(points, query, 3).tolist() == [[[1, 2, 0], [4, 3, 2]]]
    # 0.5 is on the surface; an empty ball has the nearest point.
    assert ball_query(points, query, 0.5, 2).tolist() == [[[1, 1], [4, 4]]]
    assert ball_query(points, query, 2.0, 4).tolist() == [
        [[0, 1, 2, 0], [4, 4, 4, 4]]
    ]


def test_all_points_equal():
    points = torch.ones(2, 5, 3)
    assert farthest_point_sample(points, 4).tolist() == [[0, 0, 0, 0]] * 2
    assert knn(points, points, 3).tolist() == [[[0, 1, 2]] * 5] * 2


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_fp32(dtype):
    points = cloud(2, 40).to(dtype)
    for function in (
        lambda p: knn(p, p, 4),
        lambda p: farthest_point_sample(p, 9),
        lambda p: ball_query(p, p, 0.7, 4),
    ):
        assert torch.equal(function(points), function(points.float()))


def test_double_precision_is_kept():
    step = torch.tensor([0.0, 1, 1 + 1e-12, 1 - 1e-12], dtype=torch.float64)
    points = step[None, :, None] * torch.ones(3, dtype=torch.float64)
    assert knn(points, points[:, :1], 4).tolist() == [[[0, 3, 1, 2]]]


def test_permuted_points_give_the_same_places():
    """But for the first, which stays point 0."""
    points = cloud(1, 50)
    order = torch.randperm(49, generator=torch.Generator().manual_seed(2))
    order = torch.cat((torch.zeros(1).long(), order + 1))
    moved = points[:, order]
    plain = gather_points(points, farthest_point_sample(points, 12))
    places = gather_points(moved, farthest_point_sample(moved, 12))
    assert torch.equal(places, plain)
    near, far = knn(points, plain, 5), knn(moved, places, 5)
    assert torch.equal(gather_points(points, near), gather_points(moved, far))


def test_gathering():
    values = torch.arange(12.0).view(2, 3, 2)
    index = torch.tensor([[[2, 0]], [[1, 1]]])
    expected = [[[[4, 5], [0, 1]]], [[[8, 9], [8, 9]]]]
    assert gather_points(values, index).tolist() == expected


def spoiled(value):
    points = cloud(2, 6)
    points[1, 4, 2] = value
    return points


@pytest.mark.parametrize('value', [torch.nan, torch.inf, -torch.inf, 1e19])
def test_coordinates_that_are_not_finite(value):
    points = spoiled(value)
    message = r'points has.*1 points, the first is point 4 of sample 1'
    with pytest.raises(ValueError, match=message):
        farthest_point_sample(points, 2)
    with pytest.raises(ValueError, match=message):
        knn(points, cloud(2, 3), 2)
    with pytest.raises(ValueError, match='queries has coordinates'):
        ball_query(cloud(2, 3), points, 1.0, 2)


@pytest.mark.parametrize(
    ('points', 'message'),
    [
        (torch.zeros(4, 3), r'must be clouds \(B, N, 3\).*\(4, 3\)'),
        (torch.zeros(1, 4, 6), 'remove other columns'),
        (torch.zeros(1, 4, 2), r'must be clouds'),
        (torch.zeros(1, 0, 3), r'holds no points'),
        (torch.zeros(0, 4, 3), r'holds no points'),
        (torch.zeros(1, 4, 3).long(), r'floating-point.*int64'),
    ],
)
def test_not_clouds(points, message):
    with pytest.raises(ValueError, match=message):
        farthest_point_sample(points, 1)
    with pytest.raises(ValueError, match=message):
        knn(points, points, 1)


def test_other_types():
    points = cloud(2, 5)
    with pytest.raises(TypeError, match='points must be.*Tensor, got ndarray'):
        farthest_point_sample(points.numpy(), 2)
    with pytest.raises(TypeError, match='neighbours must be a whole.*2.5'):
        knn(points, points, 2.5)


def test_more_than_there_is():
    points = cloud(2, 5)
    with pytest.raises(ValueError, match='sample is 6, but a cloud has 5'):
        farthest_point_sample(points, 6)
    with pytest.raises(ValueError, match='neighbours is 6, but a cloud'):
        knn(points, points, 6)
    with pytest.raises(ValueError, match='must be at least 1, got 0'):
        ball_query(points, points, 1.0, 0)
    with pytest.raises(ValueError, match='radius must be positive, got -1'):
        ball_query(points, points, -1.0, 2)
    with pytest.raises(ValueError, match='must agree in batch'):
        knn(points, cloud(3, 5), 2)
    with pytest.raises(ValueError, match='must agree in batch, type'):
        knn(points, cloud(2, 5, dtype=torch.float64), 2)
