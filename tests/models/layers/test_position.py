import math

import pytest
import torch
from torch.nn import functional as F

from mmmap.models.backbones import HybridNet
from mmmap.models.decoders import MaskedDecoder
from mmmap.models.layers import PositionEmbedding
from mmmap.models.layers.position import sincos_grid


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


def test_sines_and_cosines_of_rows_and_columns():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    weight = PositionEmbedding(8, (2, 3), 'sincos').weight
    assert torch.equal(torch.get_rng_state(), before)
    # Row 1, column 2; frequencies 1 and 1/100.
    expected = [
        *(math.sin(1), math.sin(0.01), math.cos(1), math.cos(0.01)),
        *(math.sin(2), math.sin(0.02), math.cos(2), math.cos(0.02)),
    ]
    assert weight[0, 1, 2].tolist() == pytest.approx(expected)
    assert weight.requires_grad
    assert not torch.equal(PositionEmbedding(8, (2, 3)).weight, weight)
    assert weight.square().mean().item() == pytest.approx(0.5)


def test_invalid_inits():
    with pytest.raises(ValueError, match='channels that 4 divides, got 6'):
        sincos_grid(6, (2, 2))
    with pytest.raises(ValueError, match="unknown pos_embed 'cosine'"):
        PositionEmbedding(8, (2, 2), 'cosine')


@pytest.mark.parametrize('init', ['normal', 'sincos'])
def test_backbone_and_decoder_take_it(init):
    arch = dict(embed_dims=8, pattern='M', num_heads=2, d_state=2)
    backbone = HybridNet(arch, img_size=32, pos_embed=init)
    decoder = MaskedDecoder(8, 2, 16, 1, 2, pos_embed=init)
    for module, dims in ((backbone, 8), (decoder, 16)):
        found = torch.equal(module.pos_embed.weight, sincos_grid(dims, (2, 2)))
        assert found == (init == 'sincos')
