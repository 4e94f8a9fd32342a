import pytest
import torch
from torch.nn import functional as F

from mmmap.models.layers import MambaVisionMixer


def by_hand(mixer, tokens):
    """One image, token by token."""
    half = tokens.shape[-1] // 2
    projected = tokens @ mixer.in_proj.weight.T
    branches = []
    for part, conv in (
        (projected[:, :half], mixer.conv_x),
        (projected[:, half:], mixer.conv_z),
    ):
        # A token, the one before and the one behind it.
        around = F.pad(part, (0, 0, 1, 1)).unfold(0, 3, 1)
        branches.append(F.silu((around * conv.weight[:, 0]).sum(-1)))
    x, z = branches
    ssm = mixer.ssm
    rank, state = ssm.splits[:2]
    h, ys = torch.zeros(half, state, dtype=tokens.dtype), []
    for u in x:
        dt, B, C = (ssm.x_proj.weight @ u).split([rank, state, state])
        step = F.softplus(ssm.dt_proj.weight @ dt + ssm.dt_proj.bias)
        decay = torch.exp(-step[:, None] * ssm.A_log.exp())
        h = decay * h + (step * u)[:, None] * B
        ys.append(h @ C + ssm.D * u)
    y = torch.cat((torch.stack(ys), z), dim=1)
    return y @ mixer.out_proj.weight.T


def test_scan_of_one_branch_beside_the_other():
    torch.manual_seed(0)
    mixer = MambaVisionMixer(24).double()
    for parameter in mixer.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    tokens = torch.randn(2, 7, 24, dtype=torch.float64)
    # dt_rank is C / 16 rounded up.
    assert mixer.ssm.x_proj.weight.shape == (2 + 2 * 8, 12)
    out = mixer(tokens)
    for image, expected in zip(tokens, out, strict=True):
        # A_log passes through fp32.
        torch.testing.assert_close(
            by_hand(mixer, image), expected, rtol=1e-5, atol=1e-6
        )


def test_channels_are_even():
    with pytest.raises(ValueError, match='7 channels cannot be halved'):
        MambaVisionMixer(7)
