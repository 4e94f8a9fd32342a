import pytest
import torch
from torch import nn

from mmmap.models.layers import (
    DecoderBlock,
    MambaBlock,
    PublishedAttentionBlock,
    ResidualAttentionBlock,
)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def rms_norm(x, weight):
    return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight


def vit_branches(block, x):
    """Attention branch, then MLP branch of what it gave, by hand."""
    attended = block.attn(block.norm1(x))
    return attended, block.mlp(block.norm2(x + attended))


def test_mamba_block_adds_then_norms_then_mixes():
    block = MambaBlock(nn.Linear(6, 6), 6).eval()
    nn.init.normal_(block.norm.weight)
    hidden, residual = torch.randn(2, 3, 6), torch.randn(2, 3, 6)
    mixed, stream = block(hidden, residual)
    torch.testing.assert_close(stream, hidden + residual)
    expected = block.mixer(rms_norm(hidden + residual, block.norm.weight))
    torch.testing.assert_close(mixed, expected)


def test_first_mamba_block_starts_the_stream_in_fp32():
    block = MambaBlock(nn.Identity(), 6)
    hidden = torch.randn(2, 3, 6).bfloat16()
    _, stream = block(hidden, None)
    assert stream.dtype == torch.float32
    assert torch.equal(stream, hidden.float())
    _, later = block(hidden, stream)
    assert later.dtype == torch.float32


def test_mamba_block_drops_what_comes_in():
    block = MambaBlock(nn.Identity(), 6, drop_path=0.5).train()
    hidden, residual = torch.ones(1000, 1, 6), torch.zeros(1000, 1, 6)
    _, stream = block(hidden, residual)
    assert set(stream.unique().tolist()) == {0.0, 2.0}
    assert set(block.eval()(hidden, residual)[1].unique().tolist()) == {1.0}


def test_published_attention_acts_on_the_last_output_twice_added():
    block = PublishedAttentionBlock(6, 2, 2.0).eval()
    hidden, residual = torch.randn(2, 3, 6), torch.randn(2, 3, 6)
    out, stream = block(hidden, residual)
    attended, mlp = vit_branches(block, hidden)
    torch.testing.assert_close(out, 2 * hidden + attended + mlp)
    assert stream is residual
    assert block.norm1.eps == block.norm2.eps == 1e-5


@pytest.mark.parametrize('first', [True, False])
def test_clean_attention_is_a_vit_block_on_the_stream(first):
    block = ResidualAttentionBlock(6, 2, 2.0).eval()
    hidden = torch.randn(2, 3, 6)
    residual = None if first else torch.randn(2, 3, 6)
    x = hidden if first else hidden + residual
    out, stream = block(hidden, residual)
    attended, mlp = vit_branches(block, x)
    torch.testing.assert_close(out + stream, x + attended + mlp)


@pytest.mark.parametrize(
    'build', [PublishedAttentionBlock, ResidualAttentionBlock]
)
def test_attention_blocks_drop_paths_in_training_only(build):
    block = build(6, 2, 2.0, drop_path=0.9)
    hidden = torch.randn(8, 3, 6)
    still = block.eval()(hidden, None)[0]
    assert torch.equal(still, block(hidden, None)[0])
    assert not torch.equal(still, block.train()(hidden, None)[0])


def test_decoder_block_has_norms_of_its_own_for_queries_and_memory():
    block = DecoderBlock(6, 2, 4.0)
    for norm in (block.norm_query, block.norm_memory, block.norm_mlp):
        nn.init.normal_(norm.weight)
    x, mask = torch.randn(2, 3, 6), torch.ones(3, 3).tril().bool()
    y = x + block.attn(block.norm_query(x), block.norm_memory(x), mask)
    torch.testing.assert_close(
        block(x, mask), y + block.mlp(block.norm_mlp(y))
    )
    # The first token sees itself alone.
    changed = torch.cat([x[:, :1], torch.randn(2, 2, 6)], 1)
    torch.testing.assert_close(
        block(changed, mask)[:, 0], block(x, mask)[:, 0]
    )
