"""Our numbers are those of the commit that last meant to change them.

Tolerance: 1e-4 of the largest value of each quantity, 1e-3 of the curve's,
where rounding adds up over the steps.
"""

import pytest
import torch

from tests.data import make_golden


@pytest.fixture(scope='module')
def golden():
    return torch.load(make_golden.PATH, weights_only=True)


def assert_close(ours, golden, tolerance):
    assert ours.shape == golden.shape
    assert (ours - golden).abs().max() <= tolerance * golden.abs().max()


def test_one_pass(golden):
    ours = make_golden.one_pass()
    for name in ('encoded', 'prediction', 'loss'):
        assert_close(ours[name], golden[name], 1e-4)
    assert ours['gradients'].keys() == golden['gradients'].keys()
    for name, value in ours['gradients'].items():
        assert_close(value, golden['gradients'][name], 1e-4)


def test_loss_curve(golden):
    curve = make_golden.loss_curve()
    assert_close(curve, golden['curve'], 1e-3)
    assert curve[-5:].mean() < curve[:5].mean() - 0.05
