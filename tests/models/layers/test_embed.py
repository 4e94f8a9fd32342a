import pytest
import torch

from mmmap.models.layers import PatchEmbed, patchify, unpatchify


def patches_by_hand(images, P):
    """The published order, (h w) (p q c), one number after the other."""
    B, colours, H, W = images.shape
    rows = []
    for image in images:
        for top in range(0, H, P):
            for left in range(0, W, P):
                rows.append(
                    [
                        image[c, top + p, left + q].item()
                        for p in range(P)
                        for q in range(P)
                        for c in range(colours)
                    ]
                )
    return torch.tensor(rows).view(B, -1, P * P * colours)


@pytest.mark.parametrize('colours', [1, 3])
@pytest.mark.parametrize('grid', [(1, 1), (2, 3), (3, 2)])
def test_patches_have_the_published_order(grid, colours):
    P = 4
    shape = (2, colours, grid[0] * P, grid[1] * P)
    images = torch.arange(torch.Size(shape).numel()).float().view(shape)
    patches = patchify(images, P)
    assert torch.equal(patches, patches_by_hand(images, P))
    assert torch.equal(unpatchify(patches, P, grid), images)


def test_unpatchify_then_patchify():
    patches = torch.randn(2, 6, 48)
    assert torch.equal(patchify(unpatchify(patches, 4, (2, 3)), 4), patches)


@pytest.mark.parametrize('size', [(8, 9), (7, 8)])
def test_patchify_needs_whole_patches(size):
    message = f'images of {size[0]}x{size[1]} cannot be cut into 4x4'
    with pytest.raises(ValueError, match=message):
        patchify(torch.zeros(1, 3, *size), 4)


def test_embedding_is_a_linear_map_of_each_patch():
    torch.manual_seed(0)
    embed, images = PatchEmbed(5, 4), torch.randn(2, 3, 8, 12)
    # The convolution's weights are (C, colour, p, q).
    weight = embed.proj.weight.permute(0, 2, 3, 1).flatten(1)
    expected = patchify(images, 4) @ weight.T + embed.proj.bias
    torch.testing.assert_close(embed(images), expected)
    assert embed.grid(images) == (2, 3)


def test_incomplete_patches_are_padded_right_and_below():
    embed, images = PatchEmbed(5, 4), torch.randn(2, 3, 6, 9)
    padded = torch.zeros(2, 3, 8, 12)
    padded[..., :6, :9] = images
    assert embed.grid(images) == (2, 3)
    assert torch.equal(embed(images), embed(padded))


@pytest.mark.parametrize('size', [(3, 8), (8, 3)])
def test_image_smaller_than_a_patch(size):
    message = f'the image is {size[0]}x{size[1]}, smaller than a 4x4 patch'
    with pytest.raises(ValueError, match=message):
        PatchEmbed(5, 4)(torch.zeros(1, 3, *size))
