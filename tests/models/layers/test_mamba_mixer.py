import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from mmmap.models.layers import BidirectionalMamba
from mmmap.ops import causal_conv1d, selective_scan

aten = torch.ops.aten


@pytest.fixture
def mixer():
    torch.manual_seed(0)
    return BidirectionalMamba(32, d_state=5, d_conv=3)


def one_direction(ssm, x, z):
    """What design and paper say of a direction, with the reference scan."""
    u = F.silu(
        causal_conv1d(
            x, ssm.conv1d.weight[:, 0], ssm.conv1d.bias, backend='reference'
        )
    )
    dt, B, C = ssm.x_proj(u.mT).split([2, 5, 5], dim=-1)
    return selective_scan(
        u,
        (dt @ ssm.dt_proj.weight.T).mT,
        -ssm.A_log.exp(),
        B.mT,
        C.mT,
        ssm.D,
        z,
        ssm.dt_proj.bias,
        delta_softplus=True,
        backend='reference',
    )


def test_is_the_mean_of_two_directions(mixer):
    tokens = torch.randn(2, 7, 32)
    x, z = mixer.in_proj(tokens).mT.split(64, dim=1)
    forward = one_direction(mixer.ssm_forward, x, z)
    backward = one_direction(mixer.ssm_backward, x.flip(-1), z.flip(-1))
    mean = (forward + backward.flip(-1)) / 2
    torch.testing.assert_close(
        mixer(tokens), mixer.out_proj(mean.mT), rtol=1e-4, atol=1e-6
    )


def test_shared_directions_commute_with_a_flip(mixer):
    tokens = torch.randn(2, 9, 32)
    flipped = mixer(tokens.flip(1)).flip(1)
    assert not torch.allclose(flipped, mixer(tokens), atol=1e-4)
    mixer.ssm_backward.load_state_dict(mixer.ssm_forward.state_dict())
    flipped = mixer(tokens.flip(1)).flip(1)
    torch.testing.assert_close(flipped, mixer(tokens), rtol=1e-4, atol=1e-6)


def test_every_token_sees_every_other(mixer):
    tokens = torch.randn(1, 5, 32, requires_grad=True)
    for place in range(5):
        (grad,) = torch.autograd.grad(mixer(tokens)[0, place].sum(), tokens)
        assert (grad.abs().sum(-1) > 0).all()


def test_sizes(mixer):
    ssm = mixer.ssm_forward
    assert mixer.in_proj.weight.shape == (128, 32)
    assert mixer.out_proj.weight.shape == (32, 64)
    assert ssm.x_proj.weight.shape == (2 + 5 + 5, 64)
    assert ssm.dt_proj.weight.shape == (64, 2)
    assert ssm.conv1d.weight.shape == (64, 1, 3)
    absent = (mixer.in_proj.bias, mixer.out_proj.bias, ssm.x_proj.bias)
    assert absent == (None, None, None)


@pytest.mark.parametrize('side', ['ssm_forward', 'ssm_backward'])
def test_init_is_mamba_s(side):
    torch.manual_seed(0)
    ssm = getattr(BidirectionalMamba(64, d_state=16), side)
    step = F.softplus(ssm.dt_proj.bias)
    assert step.min() >= 0.999e-3
    assert step.max() <= 1.001e-1
    # Log-uniform: half of them below the geometric mean.
    assert (step < 1e-2).float().mean().item() == pytest.approx(0.5, abs=0.15)
    assert ssm.dt_proj.weight.abs().max() <= 4**-0.5
    numbers = torch.arange(1.0, 17).expand(128, 16)
    torch.testing.assert_close(ssm.A_log.exp(), numbers)
    assert torch.equal(ssm.D, torch.ones(128))


def test_bf16_autocast_is_close(mixer):
    tokens = torch.randn(2, 30, 32)
    plain = mixer(tokens)
    with torch.autocast('cpu', torch.bfloat16):
        half = mixer(tokens)
    assert half.dtype == torch.bfloat16
    assert (half.float() - plain).abs().max() < 0.02 * plain.abs().max()


def test_channels_in_reverse_are_summed():
    torch.manual_seed(0)
    mixer = BidirectionalMamba(32, d_state=5, d_conv=3, reverse='channels')
    tokens = torch.randn(2, 7, 32)
    projected = mixer.in_proj(tokens).mT
    x, z = projected.split(64, dim=1)
    forward = one_direction(mixer.ssm_forward, x, z)
    # Input and gate change places, each upside down.
    backward = one_direction(mixer.ssm_backward, z.flip(1), x.flip(1))
    both = (forward + backward.flip(1)).mT
    torch.testing.assert_close(
        mixer(tokens), mixer.out_proj(both), rtol=1e-4, atol=1e-6
    )


def test_channels_in_reverse_look_back_only():
    torch.manual_seed(0)
    mixer = BidirectionalMamba(32, d_state=5, d_conv=3, reverse='channels')
    tokens = torch.randn(1, 5, 32, requires_grad=True)
    for place in range(5):
        (grad,) = torch.autograd.grad(mixer(tokens)[0, place].sum(), tokens)
        seen = grad.abs().sum((0, 2)) > 0
        assert seen.tolist() == [i <= place for i in range(5)]


def test_unknown_reverse():
    with pytest.raises(ValueError, match="reverse 'time'.*tokens, channels"):
        BidirectionalMamba(32, reverse='time')


class LargeCopies(TorchDispatchMode):
    """Counts copies of tensors with this many elements or more."""

    def __init__(self, elements):
        super().__init__()
        self.elements, self.count = elements, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        copies = func.overloadpacket in (aten.clone, aten.copy_, aten._to_copy)
        self.count += copies and out.numel() >= self.elements
        return out


@pytest.mark.parametrize('reverse', ['tokens', 'channels'])
def test_a_step_transposes_nothing(reverse):
    """Neither forward nor backward copies tokens into another layout."""
    mixer = BidirectionalMamba(32, reverse=reverse)
    tokens = torch.randn(2, 7, 32, requires_grad=True)
    with LargeCopies(tokens.numel()) as copies:
        mixer(tokens).square().sum().backward()
    assert copies.count == 0
