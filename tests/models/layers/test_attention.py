import pytest
import torch

from mmmap.models.layers import Attention, CrossAttention, Mlp


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
