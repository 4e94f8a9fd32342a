"""Depths, colours, attention and receptive fields, in numbers."""

import numpy as np
import pytest
import torch
from mmpretrain.registry import MODELS
from torch import nn

from mmmap.models.layers import Attention
from mmmap.visualization.attention_maps import (
    attention_at,
    attention_weights,
    rollout,
    seen_by,
)
from mmmap.visualization.depths import kinds_of, maps_at, names_of, spread
from mmmap.visualization.feature_colours import colours, principal_components
from mmmap.visualization.receptive_field import (
    area_of,
    receptive_fields,
)
from tests.models.tiny import seeded_images
from tests.models.tiny_mamba_vision import tiny_mamba_vision


def hybrid(pattern='MTMT', **settings):
    torch.manual_seed(0)
    arch = dict(embed_dims=16, pattern=pattern, num_heads=2, d_state=4)
    config = dict(type='HybridNet', arch=arch, img_size=16, patch_size=4)
    return MODELS.build(config | settings).eval()


@pytest.mark.parametrize('attention', ['published', 'residual'])
def test_maps_are_the_stream_before_the_norm(attention):
    net = hybrid(attention=attention, out_indices=(0, 1, 2, 3))
    images = torch.randn(2, 3, 18, 11)
    maps = maps_at(net, images, [0, 1, 2, 3])
    norms = [*(net.out_norms[i] for i in '012'), net.norm]
    for x, norm, out in zip(maps, norms, net(images)):
        assert x.shape == (2, 16, 5, 3)
        normed = norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        torch.testing.assert_close(normed, out)
    assert torch.equal(maps_at(net, images, [2])[0], maps[2])
    assert not any(layer._forward_hooks for layer in net.layers)


def test_maps_of_mamba_vision_are_its_stages():
    net = tiny_mamba_vision().eval()
    maps = maps_at(net, torch.randn(1, 3, 64, 96), [0, 3])
    assert [tuple(x.shape[2:]) for x in maps] == [(16, 24), (2, 3)]
    assert names_of(net)[3] == 'stage 3, Mamba, then attention'
    assert attention_at(net, torch.randn(1, 3, 64, 96)) == {}


def test_depths_and_their_names():
    net = hybrid('MMTT')
    assert kinds_of(net) == ['Mamba'] * 2 + ['attention'] * 2
    assert names_of(net)[2] == 'block 2, attention'
    with pytest.raises(ValueError, match=r'from 0 to 3 .* got \[4\]'):
        maps_at(net, seeded_images(), [4])
    with pytest.raises(ValueError, match='got a Linear'):
        kinds_of(nn.Linear(1, 1))


@pytest.mark.parametrize(
    ('pattern', 'depths'),
    [
        ('MMMT', [0, 1, 2, 3]),
        ('MMMT' * 8, [2, 3, 14, 15, 30, 31]),
        ('M' * 11, [0, 2, 4, 6, 8, 10]),
        ('MMMMTTTT', [3, 7]),
        ('TMMMTMMM' + 'T', [0, 3, 4, 7, 8][1:]),
    ],
)
def test_depths_worth_a_picture(pattern, depths):
    assert spread(pattern) == depths


def test_components_are_those_of_the_decomposition():
    random = torch.Generator().manual_seed(0)
    x = torch.randn(50, 6, generator=random, dtype=torch.float64)
    x = x * torch.tensor([9.0, 5, 3, 1, 1, 1]) + 4
    vectors, share = principal_components(x)
    _, values, expected = torch.linalg.svd(x - x.mean(0))
    signs = (vectors * expected[:3]).sum(1).round()
    torch.testing.assert_close(vectors, expected[:3] * signs[:, None])
    assert vectors.gather(1, vectors.abs().argmax(1)[:, None]).min() > 0
    variance = values.square()
    torch.testing.assert_close(share, (variance / variance.sum())[:3])


def test_components_of_a_hand_made_case():
    along = torch.tensor([[-3.0], [-1], [1], [3]])
    direction = torch.tensor([[0.6, -0.8]])
    vectors, share = principal_components(along @ direction + 7)
    torch.testing.assert_close(vectors[0], torch.tensor([-0.6, 0.8]))
    torch.testing.assert_close(share, torch.tensor([1.0, 0.0]))


def test_colours_follow_the_directions_of_all_images():
    maps = torch.zeros(2, 4, 2, 2)
    maps[0, 1], maps[1, 1] = -5, 5
    maps[:, 2, 0] = 1
    rgb, share = colours(maps)
    assert rgb.shape == (2, 2, 2, 3)
    assert (rgb[0, ..., 0] == 0).all()
    assert (rgb[1, ..., 0] == 1).all()
    assert (rgb[:, 0, :, 1] == 1).all()
    assert (rgb[:, 1, :, 1] == 0).all()
    assert share[0] > 0.9
    two = colours(maps[:, 1:3])[0]
    assert (two[..., 2] == 0.5).all()
    maps[0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match='not finite'):
        colours(maps)


def test_weights_give_what_fused_attention_gives():
    torch.manual_seed(0)
    attention, x = Attention(12, 3), torch.randn(2, 5, 12)
    weights = attention_weights(attention, x)
    assert weights.shape == (2, 3, 5, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5))
    v = attention.qkv(x)[..., 24:].view(2, 5, 3, 4).transpose(1, 2)
    mixed = (weights @ v).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attention.proj(mixed), attention(x))


def test_attention_of_the_blocks_that_attend():
    net, image = hybrid('MTMT'), torch.randn(1, 3, 16, 24)
    found = attention_at(net, image)
    assert list(found) == [1, 3]
    assert list(attention_at(net, image, [0, 3])) == [3]
    streams = []
    net.layers[3].norm1.register_forward_hook(
        lambda m, i, o: streams.append(o)
    )
    net(image)
    expected = attention_weights(net.layers[3].attn, streams[0])[0].mean(0)
    torch.testing.assert_close(found[3], expected)


def test_rollout_as_by_loops():
    generator = torch.Generator().manual_seed(0)
    weights = [torch.rand(4, 4, generator=generator) for _ in range(3)]
    weights = [w / w.sum(1, keepdim=True) for w in weights]
    flow = np.eye(4)
    for weight, found in zip(weights, rollout(weights, residual=0.25)):
        step = np.zeros((4, 4))
        for i in range(4):
            for j in range(4):
                step[i, j] = 0.75 * weight[i, j] + 0.25 * (i == j)
        after = np.zeros((4, 4))
        for i in range(4):
            for j in range(4):
                after[i, j] = sum(step[i, k] * flow[k, j] for k in range(4))
        flow = after
        np.testing.assert_allclose(found, flow, rtol=1e-5)
    assert rollout([]) == []


def test_what_a_token_sees():
    weight = torch.arange(36.0).view(6, 6)
    assert torch.equal(seen_by(weight, (2, 3), (1, 2)), weight[5].view(2, 3))
    mean = seen_by(weight, (2, 3), None)
    assert torch.equal(mean, weight.mean(0).view(2, 3))
    with pytest.raises(
        ValueError, match=r'no token \(2, 0\) in a grid of 2x3'
    ):
        seen_by(weight, (2, 3), (2, 0))


def test_field_of_convolutions_is_exact():
    conv = nn.Conv2d(3, 2, 3, padding=1, bias=False)
    nn.init.constant_(conv.weight, 1.0)

    def maps_of(images):
        once = conv(images)
        return once, conv(torch.cat((once, once[:, :1]), 1))

    one, two = receptive_fields(maps_of, torch.randn(4, 3, 9, 11))
    expected = torch.zeros(9, 11)
    expected[3:6, 4:7] = 2
    torch.testing.assert_close(one, expected)
    # Twice a box of three is a hat of five.
    hat = torch.tensor([1.0, 2, 3, 2, 1])
    expected = torch.zeros(9, 11)
    expected[2:7, 3:8] = 6 * hat[:, None] * hat
    torch.testing.assert_close(two, expected)
    assert area_of(one, 1.0) == 9 / 99


def test_a_causal_scan_and_attention_reach_apart():
    net = hybrid('MT')
    images = torch.randn(1, 3, 16, 16)
    fields = receptive_fields(lambda x: maps_at(net, x, [0, 1]), images)
    assert all(field.shape == (16, 16) for field in fields)
    areas = [area_of(field) for field in fields]
    assert 0 < areas[0] < areas[1] < 0.5
    assert not net.patch_embed.proj.weight.grad


def test_area_of_known_fields():
    assert area_of(torch.ones(10, 10)) == 0.5
    assert area_of(torch.eye(4)) == 2 / 16
    assert area_of(torch.zeros(3, 3)) == 0


def test_a_field_that_is_not_a_number():
    with pytest.raises(ValueError, match='not finite'):
        receptive_fields(lambda x: [x.sqrt()], -torch.ones(1, 3, 2, 2))
