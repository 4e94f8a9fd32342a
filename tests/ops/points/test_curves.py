import pytest
import torch

from mmmap.ops import gather_points, hilbert_order, morton_order
from tests.ops.points.clouds import cloud

ORDERS = pytest.mark.parametrize('order', [hilbert_order, morton_order])


def grid(edge):
    """All cells of a cube in a shuffled order, (1, edge ** 3, 3)."""
    line = torch.arange(edge).float()
    cells = torch.cartesian_prod(line, line, line)
    generator = torch.Generator().manual_seed(0)
    return cells[torch.randperm(len(cells), generator=generator)][None]


@pytest.mark.parametrize('edge', [2, 4, 8])
def test_neighbours_on_the_hilbert_curve_are_neighbours_in_space(edge):
    # Scaled so that each cell of the curve's own grid holds one point.
    points = grid(edge)
    walked = gather_points(points, hilbert_order(points))[0]
    steps = walked.diff(dim=0).abs().sum(1)
    assert torch.equal(steps, torch.ones_like(steps))


@pytest.mark.parametrize('edge', [2, 4])
def test_morton_order_interleaves_bits(edge):
    points = grid(edge)
    x, y, z = gather_points(points, morton_order(points))[0].long().T
    code = torch.zeros_like(x)
    for bit in range(2):
        for place, axis in enumerate((z, y, x)):
            code |= ((axis >> bit) & 1) << (3 * bit + place)
    assert torch.equal(code, torch.arange(edge**3))


@ORDERS
def test_is_a_permutation_of_each_cloud(order):
    places = order(cloud(3, 101))
    everything = torch.arange(101).expand(3, -1)
    assert torch.equal(places.sort(1).values, everything)


@ORDERS
def test_scale_and_place_do_not_matter(order):
    points = cloud(2, 64, dtype=torch.float64)
    assert torch.equal(order(points), order(4 * points + 8))


@ORDERS
def test_points_of_one_cell_keep_their_order(order):
    assert order(torch.ones(1, 6, 3)).tolist() == [list(range(6))]


@ORDERS
def test_bad_input(order):
    with pytest.raises(ValueError, match='points has coordinates'):
        order(cloud(1, 3) / 0)
