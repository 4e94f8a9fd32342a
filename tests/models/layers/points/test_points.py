import pytest
import torch
from torch import nn

from mmmap.models.layers.points import (
    GroupEmbed,
    LocalAggregation,
    PointBlock,
    group_points,
)
from mmmap.ops import hilbert_order, knn
from tests.models.tiny_points import seeded_clouds


def test_groups_are_neighbours_of_far_points():
    points = seeded_clouds(2, 40)
    groups = group_points(points, 7, 5)
    assert groups.centers.shape == (2, 7, 3)
    assert groups.offsets.shape == (2, 7, 5, 3)
    assert torch.equal(groups.centers[:, 0], points[:, 0])
    # The nearest to a centre is itself.
    assert torch.equal(groups.offsets[:, :, 0], torch.zeros(2, 7, 3))
    distance = groups.offsets.square().sum(-1)
    assert (distance.diff(dim=-1) >= 0).all()
    farthest = torch.cdist(groups.centers, points).sort(-1).values[..., 4]
    torch.testing.assert_close(distance[..., -1].sqrt(), farthest)


@pytest.mark.parametrize('order', ['hilbert', 'morton'])
def test_groups_along_a_curve_are_the_same_groups(order):
    points = seeded_clouds(2, 40)
    plain, along = (group_points(points, 9, 4, o) for o in ('fps', order))
    assert not torch.equal(plain.centers, along.centers)
    for left, right in zip(plain, along):
        left, right = (x.flatten(2).sort(1).values for x in (left, right))
        assert torch.equal(left, right)
    if order == 'hilbert':
        steps = torch.arange(9).expand(2, -1)
        assert torch.equal(hilbert_order(along.centers), steps)


def test_gathered_groups():
    groups = group_points(seeded_clouds(2, 40), 7, 5)
    some = groups.gather(torch.tensor([[1, 6], [0, 2]]))
    assert torch.equal(some.centers[0, 1], groups.centers[0, 6])
    assert torch.equal(some.offsets[1, 1], groups.offsets[1, 2])


def test_token_does_not_depend_on_the_order_in_its_group():
    embed = GroupEmbed(8).eval()
    offsets = seeded_clouds(3, 20).view(3, 4, 5, 3)
    tokens = embed(offsets)
    assert tokens.shape == (3, 4, 8)
    torch.testing.assert_close(embed(offsets.flip(2)), tokens)


def naive(local, x, neighbours):
    """The definition of the aggregation, a group at a time."""
    samples = []
    for tokens, near in zip(x, neighbours):
        others, own = tokens[: -len(near)], tokens[-len(near) :]
        difference = own[near] - own[:, None]
        difference = difference / (difference.std() + 1e-5)
        rows = list(others)
        for group, d in zip(own, difference):
            f = torch.cat((d, group.expand_as(d)), dim=1)
            f = f * local.scale + local.shift
            weights = f.exp()
            pooled = (f * weights).mean(0) / weights.mean(0)
            rows.append(local.act(local.proj(local.norm(pooled))))
        samples.append(torch.stack(rows))
    return torch.stack(samples)


@pytest.fixture
def local():
    torch.manual_seed(0)
    local = LocalAggregation(6)
    for parameter in local.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return local


@pytest.mark.parametrize('others', [0, 1])
def test_aggregation_by_its_definition(local, others):
    centers, x = seeded_clouds(2, 9), torch.randn(2, 9 + others, 6)
    neighbours = knn(centers, centers, 3)
    found = local(x, neighbours)
    torch.testing.assert_close(found, naive(local, x, neighbours))
    assert torch.equal(found[:, :others], x[:, :others])


def test_one_deviation_over_the_batch_mixes_samples(local):
    x = torch.randn(2, 9, 6)
    neighbours = knn(x[..., :3], x[..., :3], 3)
    alone = local(x[:1], neighbours[:1])
    torch.testing.assert_close(local(x, neighbours)[:1], alone)
    local.batch_std = True
    mixed = local(x, neighbours)[:1]
    assert not torch.allclose(mixed, alone, atol=1e-3)


def test_large_features_do_not_overflow(local):
    x = 1e4 * torch.randn(1, 9, 6)
    assert local(x, knn(x[..., :3], x[..., :3], 3)).isfinite().all()


def test_equal_features_are_defined(local):
    x = torch.ones(1, 5, 6).requires_grad_()
    out = local(x, torch.zeros(1, 5, 2, dtype=torch.long))
    out.sum().backward()
    assert out.isfinite().all()
    assert x.grad.isfinite().all()


def test_block_adds_local_and_mixer():
    torch.manual_seed(0)
    block = PointBlock(nn.Linear(6, 6), 6)
    x, position = torch.randn(2, 2, 9, 6)
    neighbours = knn(x[..., :3], x[..., :3], 3)
    y = x + position
    y = y + block.local(block.norm_local(y), neighbours)
    y = y + block.mixer(block.norm_mixer(y))
    torch.testing.assert_close(block(x, position, neighbours), y)
