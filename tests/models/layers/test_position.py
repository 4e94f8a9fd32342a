import pytest
import torch
from torch.nn import functional as F

from mmmap.models.layers import PositionEmbedding


def embedding(grid, dims=3):
    torch.manual_seed(0)
    return PositionEmbedding(dims, grid)


def test_own_grid_is_given_as_it_is_in_raster_order():
    position = embedding((2, 3))
    tokens = position((2, 3))
    assert tokens.shape == (1, 6, 3)
    assert torch.equal(tokens[0, 4], position.weight[0, 1, 1])


@pytest.mark.parametrize('grid', [(4, 4), (2, 7), (7, 2), (1, 1)])
def test_other_grids_are_bicubic(grid):
    position = embedding((3, 4))
    picture = position.weight.permute(0, 3, 1, 2)
    expected = F.interpolate(
        picture, grid, mode='bicubic', align_corners=False
    )
    torch.testing.assert_close(
        position(grid), expected.flatten(2).transpose(1, 2)
    )


def test_a_constant_stays_constant():
    position = embedding((3, 4))
    torch.nn.init.constant_(position.weight, 0.7)
    tokens = position((6, 5))
    torch.testing.assert_close(tokens, torch.full((1, 30, 3), 0.7))


@pytest.mark.parametrize('grid', [(4, 4), (2, 5)])
def test_loading_into_another_grid_resamples(grid):
    source, target = embedding((3, 4)), embedding(grid)
    target.load_state_dict(source.state_dict())
    assert target.weight.shape == (1, *grid, 3)
    torch.testing.assert_close(target(grid), source(grid))


def test_loading_the_same_grid_is_exact():
    source, target = embedding((3, 4)), PositionEmbedding(3, (3, 4))
    target.load_state_dict(source.state_dict())
    assert torch.equal(target.weight, source.weight)


def test_other_channels_do_not_load():
    with pytest.raises(RuntimeError, match='size mismatch for weight'):
        embedding((3, 4)).load_state_dict(embedding((3, 4), 5).state_dict())
