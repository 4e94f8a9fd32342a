import pytest
import torch

from mmmap.models.layers import from_windows, to_windows


@pytest.mark.parametrize('shape', [(4, 6), (5, 7), (1, 2), (3, 3)])
@pytest.mark.parametrize('size', [1, 2, 3, 7])
def test_there_and_back(shape, size):
    x = torch.randn(2, 5, *shape)
    windows = to_windows(x, size)
    number = -(-shape[0] // size) * -(-shape[1] // size)
    assert windows.shape == (2 * number, size * size, 5)
    assert torch.equal(from_windows(windows, size, shape), x)
    # What was added is zeros.
    assert torch.isclose(windows.abs().sum(), x.abs().sum())


def test_raster_order():
    x = torch.arange(24.0).view(1, 1, 4, 6)
    windows = to_windows(x, 2)[..., 0]
    assert windows[0].tolist() == [0, 1, 6, 7]
    assert windows[1].tolist() == [2, 3, 8, 9]
    assert windows[5].tolist() == [16, 17, 22, 23]
