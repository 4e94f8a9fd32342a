import numpy as np
import pytest
import torch

from mmmap.models.heads import PixelHead, PixelTarget


def patches_of(images, P):
    """(h w) (p q c), by numpy."""
    B, C, H, W = images.shape
    return np.stack(
        [
            images[:, :, y : y + P, x : x + P]
            .transpose(0, 2, 3, 1)
            .reshape(B, -1)
            for y in range(0, H, P)
            for x in range(0, W, P)
        ],
        axis=1,
    )


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 8, 12, generator=generator) * 3 + 1


def test_target_is_each_patch_normalised(images):
    patches = patches_of(images.numpy().astype(np.float64), 4)
    mean = patches.mean(-1, keepdims=True)
    variance = patches.var(-1, keepdims=True, ddof=1)
    expected = (patches - mean) / np.sqrt(variance + 1e-6)
    target = PixelTarget(4)(images)
    np.testing.assert_allclose(target, expected, rtol=1e-4, atol=1e-5)


def test_raw_pixels_as_a_target(images):
    target = PixelTarget(4, norm_pix=False)
    np.testing.assert_array_equal(
        target(images), patches_of(images.numpy(), 4)
    )
    assert target.to_pixels(images, None) is images


@pytest.mark.parametrize('norm_pix', [True, False])
def test_to_pixels_undoes_the_target(norm_pix, images):
    target = PixelTarget(4, norm_pix)
    pixels = target.to_pixels(target(images), images)
    np.testing.assert_allclose(
        pixels, patches_of(images.numpy(), 4), rtol=1e-5, atol=1e-5
    )


def test_a_uniform_patch_gives_zeros_not_nan():
    target = PixelTarget(4)(torch.full((1, 3, 4, 4), 0.3))
    np.testing.assert_allclose(target, 0, atol=1e-3)


def test_half_precision_images_are_normalised_in_fp32(images):
    half = images.bfloat16()
    target = PixelTarget(4)
    assert target(half).dtype == torch.float32
    assert torch.equal(target(half), target(half.float()))


def test_loss_by_hand():
    """A head that copies its input, one colour, patches of one pixel."""
    head = PixelHead(2, patch_size=1, out_channels=2)
    torch.nn.init.eye_(head.pred.weight)
    features = torch.tensor([[[1.0, 2], [0, 0], [5, 5]]])
    target = torch.tensor([[[0.0, 4], [9, 9], [5, 8]]])
    mask = torch.tensor([[True, False, True]])
    # Hidden: (1 + 4) / 2 = 2.5 and (0 + 9) / 2 = 4.5; the middle one is not.
    assert head.loss(features, target, mask).item() == 3.5


def test_loss_weighs_hidden_patches_alike():
    torch.manual_seed(0)
    head = PixelHead(5, patch_size=2)
    features, target = torch.randn(3, 4, 5), torch.randn(3, 4, 12)
    mask = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]).bool()
    errors = (head(features) - target)[mask].square().mean(-1)
    loss = head.loss(features, target, mask)
    torch.testing.assert_close(loss, errors.sum() / 6)


def test_loss_is_in_fp32_under_autocast():
    torch.manual_seed(0)
    head = PixelHead(5, patch_size=2)
    features, target = torch.randn(3, 4, 5), torch.randn(3, 4, 12)
    mask = torch.ones(3, 4, dtype=torch.bool)
    plain = head.loss(features, target, mask)
    with torch.autocast('cpu', torch.bfloat16):
        loss = head.loss(features, target, mask)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, plain, rtol=0.01, atol=0)
