import numpy as np
import pytest
import torch
from torch import nn

from mmmap.models.selfsup.map import Reconstruction
from mmmap.visualization import reconstruction_grid
from mmmap.visualization.reconstruction import to_pixels


class Normaliser(nn.Module):
    mean = torch.tensor([100.0, 110, 120])[:, None, None]
    std = torch.tensor([10.0, 20, 30])[:, None, None]


def test_to_pixels_undoes_the_normalisation():
    images = torch.stack([torch.zeros(3, 2, 2), torch.full((3, 2, 2), 9.0)])
    pixels = to_pixels(images, Normaliser())
    assert pixels[0, :, 0, 0].tolist() == [100, 110, 120]
    assert pixels[1, :, 0, 0].tolist() == [190, 290, 390]
    assert to_pixels(images, nn.Identity()).max() == 9


def test_rows_are_images_and_columns_their_three_pictures():
    image = torch.zeros(2, 3, 80, 80)
    image[1] = 1
    mask = torch.zeros(2, 3, 80, 80, dtype=torch.bool)
    mask[..., 40:] = True
    guess = torch.where(mask, image + 2, image)
    shown = Reconstruction(image, image.masked_fill(mask, 0), guess, mask)
    picture = reconstruction_grid(shown, Normaliser())
    assert picture.shape == (22 + 2 * 164, 3 * 164, 3)
    assert picture.dtype == np.uint8

    def pixel(row, column, x):
        # Every pixel is shown as two by two.
        return picture[22 + row * 164 + 9, column * 164 + 2 * x].tolist()

    plain, one_up = [100, 110, 120], [110, 130, 150]
    assert [pixel(0, c, 10) for c in range(3)] == [plain] * 3
    assert [pixel(1, c, 10) for c in range(3)] == [one_up] * 3
    hidden = [pixel(0, c, 60) for c in range(3)]
    assert hidden == [plain, [128] * 3, [120, 150, 180]]
    assert picture[:22].min() < 60  # titles
    assert (picture[22 + 160 : 22 + 164] == 255).all()


def test_large_images_keep_their_size():
    image = torch.zeros(1, 3, 200, 300)
    shown = Reconstruction(image, image, image, torch.zeros(image.shape) > 0)
    picture = reconstruction_grid(shown, nn.Identity())
    assert picture.shape == (22 + 204, 3 * 304, 3)


@pytest.mark.parametrize('channels', [1, 2, 4, 7])
def test_any_number_of_channels_and_bits(channels):
    """Spread as the input is, from its darkest to its brightest value."""
    image = torch.zeros(1, channels, 160, 160)
    image[..., 80:] = 60000
    mask = torch.zeros(image.shape, dtype=torch.bool)
    mask[:, :, 80:] = True
    guess = torch.where(mask, image / 2, image)
    shown = Reconstruction(image, image.masked_fill(mask, 0), guess, mask)
    picture = reconstruction_grid(shown, nn.Identity())
    places = [(20, 20), (20, 100), (100, 100), (100, 264), (100, 428)]
    grey = [picture[22 + y, x].tolist() for y, x in places]
    assert grey == [[v] * 3 for v in (0, 255, 255, 128, 127)]
