"""Twenty steps of every method on points give the losses they gave before."""

import json

import pytest
import torch

from tests.data import make_golden_point_curves

GOLDEN = json.loads(make_golden_point_curves.PATH.read_text())


def test_every_method_has_a_curve():
    assert list(GOLDEN) == list(make_golden_point_curves.METHODS)


@pytest.mark.parametrize('method', make_golden_point_curves.METHODS)
def test_curve(method):
    curve = torch.tensor(make_golden_point_curves.loss_curve(method))
    golden = torch.tensor(GOLDEN[method])
    torch.testing.assert_close(curve, golden, rtol=1e-3, atol=0)
    assert curve[-5:].mean() < curve[:5].mean()


def test_curves_tell_the_methods_apart():
    curves = torch.tensor(list(GOLDEN.values()))
    apart = torch.cdist(curves, curves) > 1e-2
    assert torch.equal(apart, ~torch.eye(len(curves), dtype=torch.bool))
