import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmmap.models.layers import (
    ConvBlock,
    ConvStem,
    Downsample,
    MixerBlock,
    run_block,
)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def batch_norm(x, norm):
    mean = x.mean((0, 2, 3), keepdim=True)
    var = x.var((0, 2, 3), keepdim=True, correction=0)
    scale, shift = (p.view(1, -1, 1, 1) for p in (norm.weight, norm.bias))
    return (x - mean) / (var + norm.eps).sqrt() * scale + shift


@pytest.mark.parametrize(
    ('size', 'expected'), [((16, 20), (4, 5)), ((17, 1), (5, 1))]
)
def test_stem(size, expected):
    stem = ConvStem(3, 5, 7)
    x = torch.randn(2, 3, *size)
    out = stem(x)
    assert out.shape == (2, 7, *expected)
    for conv, norm in ((stem[0], stem[1]), (stem[3], stem[4])):
        assert norm.eps == 1e-4
        x = F.conv2d(x, conv.weight, None, stride=2, padding=1)
        x = batch_norm(x, norm).relu()
    torch.testing.assert_close(out, x)


def test_block():
    block = ConvBlock(4)
    x = torch.randn(2, 4, 5, 6)
    y = batch_norm(block.conv1(x), block.norm1)
    y = 0.5 * y * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (
        y + 0.044715 * y**3
    )))  # fmt: skip
    y = batch_norm(block.conv2(y), block.norm2)
    torch.testing.assert_close(block(x), x + y)


def test_downsample_rounds_up():
    layer = Downsample(4, 8)
    assert layer.bias is None
    assert layer(torch.zeros(1, 4, 5, 8)).shape == (1, 8, 3, 4)


def test_mixer_block():
    block = MixerBlock(nn.Linear(6, 6), 6, 2.0, layer_scale=0.5)
    x = torch.randn(2, 3, 6)
    y = x + 0.5 * block.mixer(block.norm1(x))
    y = y + 0.5 * block.mlp(block.norm2(y))
    torch.testing.assert_close(block(x), y)


def test_statistics_count_a_batch_once():
    """Of what is computed again, and after it as ever."""
    x = torch.randn(2, 4, 5, 6)
    plain, again = ConvBlock(4), ConvBlock(4)
    again.load_state_dict(plain.state_dict())
    for _ in range(2):
        for block, run in ((plain, plain), (again, None)):
            image = x.clone().requires_grad_()
            out = run(image) if run else run_block(block, image, with_cp=True)
            out.square().sum().backward()
    for name, value in plain.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    assert again.norm1.momentum == 0.1
    assert again.norm2.num_batches_tracked == 2
    for ours, expected in zip(again.parameters(), plain.parameters()):
        torch.testing.assert_close(ours.grad, expected.grad)
