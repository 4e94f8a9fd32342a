import pytest
import torch

from mmmap.models.layers import DropPath


@pytest.mark.parametrize('rate', [0.1, 0.5, 0.8])
def test_keeps_the_expectation_and_drops_whole_samples(rate):
    torch.manual_seed(0)
    y = DropPath(rate).train()(torch.ones(20_000, 2, 3))
    per_sample = y.flatten(1)
    assert torch.equal(per_sample, per_sample[:, :1].expand(-1, 6))
    dropped = (per_sample[:, 0] == 0).float().mean().item()
    assert dropped == pytest.approx(rate, abs=0.02)
    assert y.mean().item() == pytest.approx(1, abs=0.05)
    assert y.max().item() == pytest.approx(1 / (1 - rate))


def test_does_nothing_when_evaluating_or_at_rate_zero():
    x = torch.randn(4, 3)
    assert DropPath(0.5).eval()(x) is x
    assert DropPath(0.0).train()(x) is x


@pytest.mark.parametrize('rate', [-0.1, 1.0, 2])
def test_impossible_rate(rate):
    with pytest.raises(ValueError, match=rf'in \[0, 1\), got {rate}'):
        DropPath(rate)
