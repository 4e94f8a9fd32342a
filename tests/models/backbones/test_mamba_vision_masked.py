"""What MambaVision makes of the visible units of an image."""

import pytest
import torch
from torch.nn import functional as F

from tests.models.tiny import seeded_images
from tests.models.tiny_mamba_vision import tiny_mamba_vision

KEEP = torch.tensor([[0, 3, 7], [1, 2, 5]])


@pytest.fixture
def images():
    """Grids of 3 x 3 units, the last ones cut off at 70 pixels."""
    return seeded_images(size=70)


@pytest.fixture
def model():
    return tiny_mamba_vision(out_type='raw').eval()


def hidden_pixels(keep, images):
    units = torch.ones(len(keep), 9).scatter(1, keep, 0).view(-1, 1, 3, 3)
    large = F.interpolate(units, scale_factor=32)
    return large[..., :70, :70].bool().expand_as(images)


def test_units_are_the_tokens_of_the_last_map(model, images):
    assert model.patch_size == 32
    assert model.grid(images) == (3, 3)
    assert model(images)[0].shape == (2, 9, 32)
    assert model(images, KEEP)[0].shape == (2, 3, 32)


def test_keeping_all_units_is_the_full_run(model, images):
    everything = torch.arange(9).expand(2, 9)
    torch.testing.assert_close(model(images, everything), model(images))


@pytest.mark.parametrize('training', [False, True])
def test_hidden_pixels_are_not_seen(model, images, training):
    """Nor over the edges of units, nor by the statistics of a batch."""
    model.train(training)
    hidden = hidden_pixels(KEEP, images)
    changed = torch.where(hidden, torch.randn_like(images), images)
    (out,) = model(images, KEEP)
    assert torch.equal(model(changed, KEEP)[0], out)
    changed = torch.where(hidden, images, images + 1)
    assert not torch.isclose(model(changed, KEEP)[0], out).any(-1).all()


def test_hidden_units_become_the_token_behind_the_stem(model, images):
    hidden = hidden_pixels(KEEP, images)
    stem = model.stem(images.masked_fill(hidden, 0))
    token = model.mask_token.view(1, -1, 1, 1).expand_as(stem)
    x = torch.where(hidden[:, :1, ::4, ::4], token, stem)
    first = model.stages[0](x, False)
    torch.testing.assert_close(model.stage_maps(images, KEEP)[0], first)


def test_only_what_pretrains_has_a_token():
    assert tiny_mamba_vision(out_type='featmap').mask_token is None


def test_what_cannot_be_encoded(images):
    with pytest.raises(ValueError, match="needs out_type='raw'.*'featmap'"):
        tiny_mamba_vision()(images, KEEP)
    model = tiny_mamba_vision(out_type='raw', out_indices=(2, 3))
    with pytest.raises(ValueError, match=r'needs out_indices=-1.*\(2, 3\)'):
        model(images, KEEP)
    model = tiny_mamba_vision(out_type='raw')
    with pytest.raises(ValueError, match='keep names no token'):
        model(images, KEEP[:, :0])
