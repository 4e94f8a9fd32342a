import pytest
import torch
from mmcv.ops import RoIAlign
from mmpretrain.registry import MODELS
from torch import nn
from torchvision.ops import roi_align

from mmmap.models.layers import LayerNorm2d
from mmmap.models.necks import MultiDepthFeaturePyramid, SimpleFeaturePyramid
from mmmap.models.necks.rescale import rescale
from tests.models.tiny import without_gradient


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def backward(outs):
    sum((out * torch.randn_like(out)).sum() for out in outs).backward()


# At 64x96 pixels and stride 16 the map is 4x6.
@pytest.mark.parametrize(
    ('strides', 'num_outs', 'sizes'),
    [
        ((4, 8, 16, 32), 5, [(16, 24), (8, 12), (4, 6), (2, 3), (1, 2)]),
        ((8, 16), 2, [(8, 12), (4, 6)]),
        ((16, 32), 4, [(4, 6), (2, 3), (1, 2), (1, 1)]),
    ],
)
def test_simple_pyramid(strides, num_outs, sizes):
    neck = SimpleFeaturePyramid(8, 12, out_strides=strides, num_outs=num_outs)
    maps = torch.randn(2, 8, 4, 6)
    outs = neck((torch.zeros(0), maps))
    assert [tuple(out.shape) for out in outs] == [(2, 12, *s) for s in sizes]
    backward(outs)
    assert not without_gradient(neck)


# mmcv's RoIAlign reads wrong values from maps that are not contiguous.
def test_rois_of_a_pyramid_are_what_torchvision_cuts_out():
    (level,) = SimpleFeaturePyramid(8, 12, out_strides=(4,), num_outs=1)(
        [torch.randn(2, 8, 4, 6)]
    )
    rois = torch.tensor(
        [[0, 3.0, 5.0, 40.0, 60.0], [1, 10.0, 0.0, 90.0, 50.0]]
    )
    ours = RoIAlign(7, 1 / 4, sampling_ratio=0)(level, rois)
    theirs = roi_align(level, rois, 7, 1 / 4, aligned=True)
    assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    'neck', [SimpleFeaturePyramid, MultiDepthFeaturePyramid]
)
def test_levels_are_contiguous(neck):
    maps = torch.randn(2, 8, 4, 6).to(memory_format=torch.channels_last)
    assert all(level.is_contiguous() for level in neck(8)([maps] * 4))


def test_simple_pyramid_is_registered():
    neck = MODELS.build(dict(type='SimpleFeaturePyramid', in_channels=8))
    assert [tuple(o.shape[1:]) for o in neck([torch.randn(1, 8, 4, 4)])] == [
        (256, 16, 16),
        (256, 8, 8),
        (256, 4, 4),
        (256, 2, 2),
        (256, 1, 1),
    ]


def test_extra_levels_subsample_the_coarsest():
    neck = SimpleFeaturePyramid(8, 12, num_outs=6)
    outs = neck([torch.randn(1, 8, 8, 8)])
    assert torch.equal(outs[4], outs[3][..., ::2, ::2])
    assert torch.equal(outs[5], outs[3][..., ::4, ::4])


def test_levels_have_the_layers_of_vitdet():
    neck = SimpleFeaturePyramid(8, 12)
    quarter, half, same, double = neck.levels
    up = [m for m in quarter.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [(m.in_channels, m.out_channels) for m in up] == [(8, 4), (4, 2)]
    assert half[0].out_channels == half[1].in_channels == 4
    assert isinstance(same[0], nn.Identity)
    assert isinstance(double[0], nn.MaxPool2d)
    for level in neck.levels:
        assert level[1].bias is level[3].bias is None


def test_multi_depth_pyramid():
    neck = MultiDepthFeaturePyramid(8)
    maps = [torch.randn(2, 8, 4, 6) for _ in range(4)]
    outs = neck(maps)
    assert [tuple(out.shape[2:]) for out in outs] == [
        (16, 24),
        (8, 12),
        (4, 6),
        (2, 3),
    ]
    assert {out.shape[1] for out in outs} == {8}
    assert outs[2] is maps[2]
    assert torch.equal(outs[3], nn.functional.max_pool2d(maps[3], 2))
    backward(outs)
    assert not without_gradient(neck)


def test_odd_maps_are_not_cut_when_shrunk():
    neck = MultiDepthFeaturePyramid(8, out_strides=(32,))
    assert neck([torch.randn(1, 8, 5, 7)])[0].shape == (1, 8, 3, 4)


def test_number_of_maps_must_fit():
    message = '4 levels need as many feature maps, got 1; set the backbone'
    with pytest.raises(ValueError, match=message):
        MultiDepthFeaturePyramid(8)([torch.zeros(1, 8, 4, 4)])


@pytest.mark.parametrize(
    'build', [SimpleFeaturePyramid, MultiDepthFeaturePyramid]
)
def test_strides_that_cannot_be_made(build):
    message = r'from stride 16 the strides 4, 8, 16 and 32.*got \[2, 64\]'
    with pytest.raises(ValueError, match=message):
        build(8, out_strides=(2, 8, 64))


def test_fewer_outputs_than_levels():
    with pytest.raises(ValueError, match='num_outs=3 is less than the 4'):
        SimpleFeaturePyramid(8, num_outs=3)


def test_unknown_scale():
    with pytest.raises(ValueError, match='by 4, 2, 1 or 1/2, got 3'):
        rescale(8, 3, halve=True)


def test_layer_norm_is_over_channels():
    norm, x = LayerNorm2d(5), torch.randn(2, 5, 3, 4)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    mean = x.mean(1, keepdim=True)
    std = (x.var(1, correction=0, keepdim=True) + norm.eps).sqrt()
    expected = (x - mean) / std * norm.weight[:, None, None]
    torch.testing.assert_close(norm(x), expected + norm.bias[:, None, None])
