"""MAP on a backbone whose tokens are units of 32 pixels."""

import pytest
import torch

from mmmap.models.layers import patchify
from mmmap.models.masking import Layout, hide
from tests.models.tiny import seeded_images, without_gradient
from tests.models.tiny_mamba_vision import (
    tiny_mamba_vision_map,
)

IMAGES = seeded_images(size=96)


@pytest.fixture
def masked():
    places = torch.arange(9)
    return hide(torch.stack([places % 2 == 0, places < 5]))


@pytest.mark.parametrize('with_cp', [False, True])
def test_every_parameter_has_a_gradient(with_cp):
    model = tiny_mamba_vision_map(backbone=dict(with_cp=with_cp))
    model.loss(IMAGES, [])['loss'].backward()
    assert not without_gradient(model)


def test_loss_is_what_its_parts_make(masked):
    model = tiny_mamba_vision_map().eval()
    model.masking.forward = lambda *args: masked
    (tokens,) = model.backbone(IMAGES, masked.ids_keep)
    assert tokens.shape == (2, 4, 32)
    prediction = model.head(model.decoder(tokens, masked, Layout((3, 3))))
    assert prediction.shape == (2, 9, 32 * 32 * 3)
    target = patchify(IMAGES, 32)
    target = target - target.mean(-1, keepdim=True)
    target = target / (target.var(-1, keepdim=True) + 1e-6).sqrt()
    error = (prediction - target)[masked.hidden].square().mean()
    torch.testing.assert_close(model.loss(IMAGES, [])['loss'], error)


def test_hidden_pixels_are_not_seen(masked):
    model = tiny_mamba_vision_map().eval()
    features, _ = model.decode(IMAGES, masked)
    hidden = model.reconstruct(IMAGES, masked).mask
    assert hidden[0, 0, :32, :32].all()
    assert not hidden[0, 0, :32, 32:64].any()
    changed = torch.where(hidden, torch.randn_like(IMAGES), IMAGES)
    assert torch.equal(model.decode(changed, masked)[0], features)
    changed = torch.where(hidden, IMAGES, IMAGES + 1)
    assert not torch.equal(model.decode(changed, masked)[0], features)


def test_it_learns():
    """Two images by heart."""
    model = tiny_mamba_vision_map(img_size=96)
    images = torch.nn.functional.interpolate(
        seeded_images(size=6), scale_factor=16, mode='bilinear'
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    torch.manual_seed(0)
    losses = []
    for _ in range(40):
        loss = model.loss(images, [])['loss']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
