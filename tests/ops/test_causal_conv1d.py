import pytest
import torch
from torch.nn import functional as F

from mmmap.ops import causal_conv1d, causal_conv1d_bidirectional
from tests.ops.scan_cases import (
    DEVICE,
    FAST,
    TOLERANCES,
    assert_near,
    needs_triton,
)

TRITON = pytest.param('triton', marks=needs_triton('causal_conv1d'))
ALL = [*FAST, TRITON] if DEVICE == 'cpu' else FAST
BACKENDS = pytest.mark.parametrize('backend', [*ALL, 'reference'])


def make_conv(batch=2, channels=3, length=7, width=4, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        value = torch.randn(shape, generator=generator).to(dtype)
        return value.requires_grad_()

    return (
        normal(batch, channels, length),
        normal(channels, width),
        normal(channels),
    )


@BACKENDS
@pytest.mark.parametrize('length', [1, 2, 3, 64])
@pytest.mark.parametrize('width', [1, 2, 4])
@pytest.mark.parametrize('activation', [None, 'silu', 'swish'])
def test_is_a_padded_depthwise_convolution(backend, length, width, activation):
    x, weight, bias = make_conv(length=length, width=width)
    y = causal_conv1d(x, weight, bias, activation=activation, backend=backend)
    expected = F.conv1d(
        x, weight[:, None], bias, padding=width - 1, groups=len(weight)
    )[..., :length]
    if activation:
        expected = expected * expected.sigmoid()
    torch.testing.assert_close(y, expected)


# Interpreted, Triton's would take minutes here.
@pytest.mark.parametrize('backend', [*FAST, 'reference'])
@pytest.mark.parametrize('with_bias', [True, False])
@pytest.mark.parametrize('reverse', [True, False])
def test_gradients_by_finite_differences(backend, with_bias, reverse):
    *inputs, bias = make_conv(dtype=torch.float64)
    inputs += [bias] * with_bias

    def conv(*inputs):
        return causal_conv1d(
            *inputs, activation='silu', reverse=reverse, backend=backend
        )

    assert torch.autograd.gradcheck(conv, inputs)


@BACKENDS
def test_a_tap_looks_back_only(backend):
    x, weight = torch.zeros(1, 1, 6), torch.tensor([[4.0, 3.0, 2.0, 1.0]])
    x[0, 0, 1] = 1
    y = causal_conv1d(x, weight, backend=backend)
    assert y.flatten().tolist() == [0, 1, 2, 3, 4, 0]
    y = causal_conv1d(x, weight, reverse=True, backend=backend)
    assert y.flatten().tolist() == [2, 1, 0, 0, 0, 0]


@BACKENDS
@pytest.mark.parametrize('reverse', [True, False])
def test_chained_states_equal_one_long_run(backend, reverse):
    x, weight, bias = make_conv(length=9)
    options = dict(activation='silu', reverse=reverse, backend=backend)
    whole = causal_conv1d(x, weight, bias, **options)
    state, pieces = None, []
    parts = x.split([2, 1, 6], dim=-1)
    for part in reversed(parts) if reverse else parts:
        y, state = causal_conv1d(
            part,
            weight,
            bias,
            initial_states=state,
            return_final_states=True,
            **options,
        )
        pieces.append(y)
    pieces = pieces[::-1] if reverse else pieces
    torch.testing.assert_close(torch.cat(pieces, -1), whole)
    last = x[..., :3].flip(-1) if reverse else x[..., -3:]
    assert torch.equal(state, last)


def test_final_states_are_written_where_asked():
    x, weight, _ = make_conv()
    out = torch.full((2, 3, 3), torch.nan)
    _, final = causal_conv1d(
        x.detach(), weight, return_final_states=True, final_states_out=out
    )
    assert final is out
    assert torch.equal(out, x[..., -3:])


def test_width_one_has_no_state():
    x, weight, _ = make_conv(width=1)
    y, final = causal_conv1d(x, weight, return_final_states=True)
    torch.testing.assert_close(y, x * weight)
    assert final.shape == (2, 3, 0)


WRONG = [
    (dict(x=torch.zeros(2, 3)), r'x must be \(B, D, L\).*got \(2, 3\)'),
    (
        dict(weight=torch.zeros(4, 4)),
        r'weight must be \(3, W\).*got \(4, 4\)',
    ),
    (dict(bias=torch.zeros(4)), r'bias must be \(3,\), got \(4,\)'),
    (
        dict(initial_states=torch.zeros(2, 3, 4)),
        r'initial_states must be \(2, 3, 3\), got \(2, 3, 4\)',
    ),
    (dict(x=torch.zeros(2, 3, 0)), 'L at least 1'),
    (dict(x=torch.zeros(2, 3, 7).long()), 'x must hold real floating-point'),
    (dict(weight=torch.zeros(3, 0)), 'W at least 1, got'),
    (dict(weight=torch.zeros(3, 4, dtype=torch.cfloat)), 'weight.*complex64'),
    (dict(final_states_out=torch.zeros(2, 3, 2)), r'must be \(2, 3, 3\)'),
    (dict(final_states_out=torch.zeros(2, 3, 3).int()), 'out must hold real'),
    (dict(weight=None), 'weight must be a tensor, got NoneType'),
    (dict(activation='relu'), "None, 'silu' or 'swish', got 'relu'"),
    (dict(backend='gpu'), "unknown backend 'gpu'.*torch, reference"),
]


@pytest.mark.parametrize(('wrong', 'message'), WRONG)
def test_wrong_arguments_are_named(wrong, message):
    x, weight, bias = make_conv()
    with pytest.raises(ValueError, match=message):
        causal_conv1d(**dict(x=x, weight=weight, bias=bias) | wrong)


@pytest.mark.parametrize('count', [1, 3])
@pytest.mark.parametrize('name', ['weight', 'bias'])
def test_directions_are_two(count, name):
    """A third would be read from beyond the arguments of a kernel."""
    x, weight, bias = make_conv()
    pairs = dict(weight=[weight] * 2, bias=[bias] * 2)
    message = f'{name} must be a pair .*, got {count} items'
    with pytest.raises(ValueError, match=message):
        causal_conv1d_bidirectional(
            x, **pairs | {name: pairs[name][:1] * count}
        )
    message = 'bias must be a pair .*, got 2 items, 1 of them tensors'
    with pytest.raises(ValueError, match=message):
        causal_conv1d_bidirectional(x, [weight] * 2, [None, bias])


def test_packed_sequences_are_refused():
    x, weight, bias = make_conv()
    with pytest.raises(NotImplementedError, match='packed sequences'):
        causal_conv1d(x, weight, bias, torch.zeros(2, 7))


@pytest.mark.slow
@pytest.mark.parametrize('backend', [*FAST, TRITON])
@pytest.mark.parametrize('reverse', [True, False])
@pytest.mark.parametrize('dtype', TOLERANCES, ids=str)
@pytest.mark.parametrize('channels_last', [True, False])
def test_equals_reference(backend, reverse, dtype, channels_last):
    """More channels than a task takes, and not a multiple of a vector."""
    channels = 33 if backend == 'triton' else 70  # of 32 and of 64
    x, weight, bias = make_conv(2, channels, 37, dtype=torch.float64)
    x = x.mT.contiguous().mT if channels_last else x
    device = DEVICE if backend == 'triton' else 'cpu'
    # Numbers that no type rounds.
    wider = torch.promote_types(dtype, torch.float32)
    inputs = [
        v.detach().bfloat16().to(device, kind).requires_grad_()
        for v, kind in ((x, dtype), (weight, wider), (bias, wider))
    ]
    options = dict(activation='silu', reverse=reverse)
    y = causal_conv1d(*inputs, **options, backend=backend)
    # torch's own has no channels last of three dimensions.
    assert backend == 'torch' or y.is_contiguous() != channels_last
    wide = [v.detach().double().requires_grad_() for v in inputs]
    truth = causal_conv1d(*wide, **options, backend='reference')
    assert_near(y, truth.cpu(), TOLERANCES[dtype].output, 'y')
    dy = torch.randn(truth.shape, generator=torch.Generator().manual_seed(1))
    dy = dy.bfloat16().to(device)
    grads = torch.autograd.grad(y, inputs, dy.to(dtype))
    expected = torch.autograd.grad(truth, wide, dy.double())
    for name, ours, right in zip('xwb', grads, expected, strict=True):
        # Those of parameters are not rounded to half types.
        kind = dtype if name == 'x' else wider
        assert ours.dtype == kind
        assert_near(ours, right.cpu(), TOLERANCES[kind].gradient, name)


@BACKENDS
def test_parameters_stay_fp32_under_autocast(backend):
    """Also where autocast would take the filter to bf16."""
    x, weight, bias = make_conv(2, 5, 40)
    device = DEVICE if backend == 'triton' else 'cpu'
    x = x.detach().to(device, torch.bfloat16)
    weight, bias = (v.detach().to(device) for v in (weight, bias))
    learned = [weight.requires_grad_(), bias.requires_grad_()]
    wide = [v.detach().double().requires_grad_() for v in learned]
    with torch.autocast(device, torch.bfloat16):
        y = causal_conv1d(x, *learned, activation='silu', backend=backend)
    assert y.dtype == torch.bfloat16
    truth = causal_conv1d(
        x.double(), *wide, activation='silu', backend='reference'
    )
    grads = torch.autograd.grad(y.sum(), learned)
    expected = torch.autograd.grad(truth.sum(), wide)
    for ours, right in zip(grads, expected, strict=True):
        assert ours.dtype == torch.float32
        assert_near(ours, right.cpu(), 1e-6, 'gradient')


@needs_triton('causal_conv1d')
def test_triton_takes_an_empty_batch():
    x, weight, bias = make_conv(batch=0)
    x = x.to(DEVICE)
    y = causal_conv1d(x, weight.to(DEVICE), bias.to(DEVICE), backend='triton')
    assert y.shape == x.shape
