import pytest
import torch

from mmmap.models.layers import (
    Attention,
    CrossAttention,
    Mlp,
    WindowedAttention,
)


def softmax_attention(q, k, v, heads, allowed=None):
    """softmax(q k / sqrt(d)) v, one head and one sample at a time."""
    out = torch.zeros_like(q)
    d = q.shape[-1] // heads
    for b in range(len(q)):
        for head in range(heads):
            part = slice(head * d, (head + 1) * d)
            scores = q[b, :, part] @ k[b, :, part].T / d**0.5
            if allowed is not None:
                scores[~allowed] = -torch.inf
            weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
            out[b, :, part] = weights @ v[b, :, part]
    return out


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('heads', [1, 3, 12])
def test_self_attention_is_the_formula(heads, bias):
    torch.manual_seed(0)
    attention = Attention(12, heads, bias)
    x = torch.randn(2, 5, 12)
    q, k, v = attention.qkv(x).split(12, dim=-1)
    expected = attention.proj(softmax_attention(q, k, v, heads))
    torch.testing.assert_close(attention(x), expected, rtol=1e-5, atol=1e-6)
    assert (attention.qkv.bias is not None) == bias


def test_cross_attention_is_the_formula_under_a_mask():
    torch.manual_seed(0)
    attention = CrossAttention(8, 2)
    query, memory = torch.randn(2, 3, 8), torch.randn(2, 4, 8)
    allowed = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 1], [0, 0, 1, 0]]).bool()
    k, v = attention.kv(memory).split(8, dim=-1)
    attended = softmax_attention(attention.q(query), k, v, 2, allowed)
    torch.testing.assert_close(
        attention(query, memory, allowed),
        attention.proj(attended),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize('grid', [(4, 6), (5, 7), (2, 9), (3, 3), (1, 8)])
@pytest.mark.parametrize('size', [1, 2, 3, 4, 9])
def test_windows_are_attention_under_a_mask(grid, size):
    """Of all tokens, each looking at those of its own window alone."""
    torch.manual_seed(0)
    windowed = WindowedAttention(12, 3, True, size)
    everywhere = Attention(12, 3)
    everywhere.load_state_dict(windowed.state_dict())
    h, w = grid
    x = torch.randn(2, h * w, 12)
    rows, columns = torch.arange(h) // size, torch.arange(w) // size
    own = (rows[:, None] * w + columns).flatten()
    expected = everywhere(x, own[:, None] == own)
    torch.testing.assert_close(windowed(x, grid), expected)


def test_one_window_is_attention_everywhere():
    torch.manual_seed(0)
    windowed, x = WindowedAttention(8, 2, True, 6), torch.randn(2, 30, 8)
    expected = Attention.forward(windowed, x)
    assert torch.equal(windowed(x, (5, 6)), expected)
    assert not torch.allclose(windowed(x, (3, 10)), expected)


def test_padding_of_windows_gets_no_gradient():
    """Nothing looks at it, whatever the bias makes of it."""
    torch.manual_seed(0)
    windowed = WindowedAttention(8, 2, True, 4)
    torch.nn.init.constant_(windowed.qkv.bias, 100.0)
    x = torch.randn(1, 5, 8, requires_grad=True)
    y = windowed(x, (1, 5))
    # The last token is alone in its window: its value and nothing else.
    value = windowed.qkv(x)[:, 4:, 16:]
    torch.testing.assert_close(y[:, 4:], windowed.proj(value))
    y.sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize('build', [Attention, CrossAttention])
@pytest.mark.parametrize('heads', [0, 5])
def test_heads_must_divide_the_channels(build, heads):
    message = f'8 channels cannot be split into {heads} heads'
    with pytest.raises(ValueError, match=message):
        build(8, heads)


def test_mlp():
    torch.manual_seed(0)
    mlp, x = Mlp(4, 2.5), torch.randn(3, 4)
    hidden = x @ mlp.fc1.weight.T + mlp.fc1.bias
    assert hidden.shape == (3, 10)
    gelu = hidden * (1 + torch.erf(hidden / 2**0.5)) / 2
    expected = gelu @ mlp.fc2.weight.T + mlp.fc2.bias
    torch.testing.assert_close(mlp(x), expected)
