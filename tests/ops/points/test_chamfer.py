import pytest
import torch
from torch.autograd import gradcheck

from mmmap.ops import chamfer_distance
from mmmap.ops.points import reference
from tests.ops.points.clouds import cloud, lattice

NORMS = pytest.mark.parametrize('norm', ['l1', 'l2'])


@NORMS
@pytest.mark.parametrize('make', [cloud, lattice])
@pytest.mark.parametrize(('n', 'm'), [(1, 1), (7, 5), (33, 64)])
def test_agrees_with_the_reference(norm, make, n, m):
    x, y = make(3, n), make(3, m, seed=1)
    found = chamfer_distance(x, y, norm, 'none')
    torch.testing.assert_close(found, reference.chamfer_distance(x, y, norm))
    mean = chamfer_distance(x, y, norm)
    torch.testing.assert_close(mean, found.mean())
    torch.testing.assert_close(mean, chamfer_distance(y, x, norm))


@NORMS
def test_gradients(norm):
    x = cloud(2, 6, dtype=torch.float64).requires_grad_()
    y = cloud(2, 9, seed=1, dtype=torch.float64).requires_grad_()
    assert gradcheck(lambda x, y: chamfer_distance(x, y, norm), (x, y))
    ours = torch.autograd.grad(chamfer_distance(x, y, norm), (x, y))
    definition = reference.chamfer_distance(x, y, norm).mean()
    for own, expected in zip(ours, torch.autograd.grad(definition, (x, y))):
        torch.testing.assert_close(own, expected)


def test_numbers_by_hand():
    x = torch.tensor([[[0.0, 0, 0], [3, 0, 0]]])
    y = torch.tensor([[[0.0, 0, 4]]])
    # From x: 16 and 25, from y: 16.
    assert chamfer_distance(x, y, 'l2').item() == 36.5
    assert chamfer_distance(x, y, 'l1').item() == (4.5 + 4) / 2


@NORMS
def test_equal_clouds_have_no_gradient(norm):
    x = cloud(1, 8).requires_grad_()
    loss = chamfer_distance(x, x.detach().flip(1), norm)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_bad_input():
    x = cloud(1, 4)
    with pytest.raises(ValueError, match="got 'l3' and 'mean'"):
        chamfer_distance(x, x, 'l3')
    with pytest.raises(ValueError, match="'sum'"):
        chamfer_distance(x, x, 'l2', 'sum')
    with pytest.raises(ValueError, match='y holds no points'):
        chamfer_distance(x, x[:, :0])
    with pytest.raises(ValueError, match='x has coordinates that are NaN'):
        chamfer_distance(x * torch.nan, x)
    with pytest.raises(ValueError, match='must agree in batch'):
        chamfer_distance(x, cloud(2, 4))
