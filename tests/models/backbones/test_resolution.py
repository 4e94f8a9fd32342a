"""HybridNet on images of any size, with and without windows."""

import pytest
import torch
from torch.nn import functional as F

from mmmap.models.backbones import HybridNet
from mmmap.models.necks import SimpleFeaturePyramid
from tests.models.tiny import without_gradient

ARCH = dict(embed_dims=24, pattern='MTMT', num_heads=4, d_state=4)
# The grid of pretraining is 14 x 14; one side of the last is shorter.
SIZES = [(224, 224), (511, 511), (112, 137), (1024, 1536), (96, 480)]


def build(seed=0, **options):
    torch.manual_seed(seed)
    return HybridNet(**dict(arch=ARCH, out_indices=(1, 3)) | options).eval()


def grid_of(size, patch=16):
    return tuple(-(-edge // patch) for edge in size)


@pytest.mark.parametrize('options', [{}, dict(window_size=4)], ids=str)
@pytest.mark.parametrize('size', SIZES, ids=str)
@torch.no_grad()
def test_sizes(size, options):
    model = build(**options)
    images = torch.randn(1, 3, *size)
    h, w = grid_of(size)
    outs = model(images)
    assert [tuple(out.shape) for out in outs] == [(1, 24, h, w)] * 2
    assert all(out.isfinite().all() for out in outs)
    # As the same image with the padding already there.
    padded = F.pad(images, (0, w * 16 - size[1], 0, h * 16 - size[0]))
    for out, expected in zip(outs, model(padded), strict=True):
        assert torch.equal(out, expected)


@pytest.mark.parametrize('size', SIZES, ids=str)
@torch.no_grad()
def test_positions_are_resampled_to_the_grid(size):
    """To the grid of the padded image, bicubic, once."""
    model = build()
    grid = grid_of(size)
    weight = model.pos_embed.weight.permute(0, 3, 1, 2)
    expected = F.interpolate(weight, grid, mode='bicubic').flatten(2).mT
    found = model.pos_embed(grid)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    # What depends on places alone: an image without content.
    empty = model.patch_embed(torch.zeros(1, 3, *size)) + found
    stream = empty, None
    for layer in model.layers:
        stream = layer(*stream)
    tokens = model.norm(sum(stream))
    (_, out) = model(torch.zeros(1, 3, *size))
    torch.testing.assert_close(out.flatten(2).mT, tokens)


@torch.no_grad()
def test_pyramid_of_an_odd_size():
    neck = SimpleFeaturePyramid(24, 8).eval()
    maps = neck(build()(torch.randn(1, 3, 112, 137)))
    shapes = [tuple(x.shape[2:]) for x in maps]
    assert shapes == [(28, 36), (14, 18), (7, 9), (4, 5), (2, 3)]


@pytest.mark.parametrize('attention', ['published', 'residual'])
def test_windows_as_large_as_the_map_change_nothing(attention):
    images = torch.randn(2, 3, 80, 112)
    results = []
    for options in ({}, dict(window_size=7), dict(window_size=100)):
        model = build(attention=attention, **options)
        outs = model(images)
        loss = sum(out.square().sum() for out in outs)
        results.append([*outs, *torch.autograd.grad(loss, model.parameters())])
    for others in results[1:]:
        assert all(map(torch.equal, others, results[0]))


@pytest.mark.parametrize('with_cp', [False, True])
def test_windows_with_global_blocks(with_cp):
    """Block 1 sees a window of 2 x 2 tokens, block 3 everything."""
    arch = ARCH | dict(pattern='TTTT')
    images = torch.randn(1, 3, 64, 80)
    changed = images.clone()
    changed[..., :16, :16] += 1
    model = build(
        arch=arch,
        out_indices=(0, 1, 2, 3),
        window_size=2,
        global_blocks=(-1,),
        with_cp=with_cp,
    )
    assert model.windowed == {0, 1, 2}
    touched = [
        (a != b).any(1)[0] for a, b in zip(model(images), model(changed))
    ]
    window = torch.zeros(4, 5, dtype=torch.bool)
    window[:2, :2] = True
    for inside in touched[:3]:
        assert torch.equal(inside, window)
    assert touched[3].all()


def test_every_parameter_has_a_gradient_with_windows():
    model = build(window_size=3, global_blocks=(3,))
    loss = sum(
        (out * torch.randn_like(out)).sum()
        for out in model(torch.randn(1, 3, 64, 112))
    )
    loss.backward()
    assert not without_gradient(model)


def test_weights_are_those_without_windows():
    whole, windowed = build(), build(seed=1, window_size=3)
    windowed.load_state_dict(whole.state_dict())
    images = torch.randn(1, 3, 48, 48)
    for ours, expected in zip(windowed(images), whole(images)):
        assert torch.equal(ours, expected)


WRONG = [
    (dict(window_size=0), 'window_size must be a whole number of at least 1'),
    (dict(window_size=2.5), 'window_size must be a whole number'),
    (dict(global_blocks=(1,)), 'needs a window_size'),
    (dict(window_size=2, global_blocks=(0,)), r'some of \[1, 3\], got \(0,\)'),
    (dict(window_size=2, global_blocks=(7,)), r'some of \[1, 3\], got \(7,\)'),
]


@pytest.mark.parametrize(('options', 'message'), WRONG)
def test_wrong_windows_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_a_part_of_the_tokens_has_no_windows():
    model = build(out_indices=-1, out_type='raw', window_size=2)
    with pytest.raises(ValueError, match='pretrain without window_size'):
        model(torch.zeros(1, 3, 64, 64), torch.zeros(1, 4, dtype=torch.long))
