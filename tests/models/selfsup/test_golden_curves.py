"""Twenty steps of every method give the losses they gave before."""

import json

import pytest
import torch

from tests.data import make_golden_curves, make_golden_point_curves

MAKERS = {'images': make_golden_curves, 'points': make_golden_point_curves}
GOLDEN = {
    kind: json.loads(maker.PATH.read_text()) for kind, maker in MAKERS.items()
}
EACH = [
    (kind, method)
    for kind, maker in MAKERS.items()
    for method in maker.METHODS
]


@pytest.mark.parametrize('kind', MAKERS)
def test_every_method_has_a_curve(kind):
    assert list(GOLDEN[kind]) == list(MAKERS[kind].METHODS)


@pytest.mark.slow
@pytest.mark.parametrize(('kind', 'method'), EACH)
def test_curve(kind, method):
    curve = torch.tensor(MAKERS[kind].loss_curve(method))
    golden = torch.tensor(GOLDEN[kind][method])
    torch.testing.assert_close(curve, golden, rtol=1e-3, atol=0)
    assert curve[-5:].mean() < curve[:5].mean()


@pytest.mark.parametrize('kind', MAKERS)
def test_curves_distinguish_the_methods(kind):
    curves = torch.tensor(list(GOLDEN[kind].values()))
    apart = torch.cdist(curves, curves) > 1e-2
    assert torch.equal(apart, ~torch.eye(len(curves), dtype=torch.bool))
