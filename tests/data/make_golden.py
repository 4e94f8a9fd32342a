"""Write ``golden_map.pt``: numbers of our own, to notice when they change.

Run from the repository root, after a change that is meant to change them::

    python -m tests.data.make_golden

Weights, images and masks are drawn by torch's CPU generator, whose numbers
stay the same from version to version; the rest is rounding, for which the
test leaves room.
"""

from pathlib import Path

import torch
from mmengine.optim import OptimWrapper

from mmmap.models.masking import Layout, hide
from tests.models.tiny import seeded_images, tiny_map

PATH = Path(__file__).with_name('golden_map.pt')
STEPS = 20
GRADIENTS = (
    'backbone.pos_embed.weight',
    'backbone.layers.0.mixer.ssm_forward.A_log',
    'backbone.layers.1.mixer.ssm_backward.dt_proj.bias',
    'backbone.layers.2.attn.qkv.bias',
    'decoder.mask_token',
    'decoder.blocks.1.attn.kv.bias',
    'head.pred.bias',
)


def fixed_mask():
    """Half of sixteen tokens, other ones in each of two images."""
    places = torch.arange(16)
    return hide(torch.stack([places % 2 == 0, places % 4 < 2]))


def quantities():
    """Everything that is golden, by name."""
    return {**one_pass(), 'curve': loss_curve()}


def one_pass():
    """Encoder, decoder, loss and gradients under a fixed mask."""
    model, images = tiny_map().eval(), seeded_images()
    # Off their init, where some gradients all but vanish.
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    masked = fixed_mask()
    (encoded,) = model.backbone(images, masked.ids_keep)
    features = model.decoder(encoded, masked, Layout((4, 4)))
    target = model.target_generator(images)
    loss = model.head.loss(features, target, masked.hidden)
    loss.backward()
    return {
        'encoded': encoded.detach(),
        'prediction': model.head(features).detach()[:, ::3, ::5].clone(),
        'loss': loss.detach(),
        'gradients': {n: model.get_parameter(n).grad for n in GRADIENTS},
    }


def loss_curve():
    """Losses of some steps of AdamW on four images, new masks in each."""
    model = tiny_map(seed=2).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    wrapper = OptimWrapper(optimizer)
    batch = dict(inputs=seeded_images(4) * 50 + 120, data_samples=None)
    torch.manual_seed(3)
    losses = [model.train_step(batch, wrapper)['loss'] for _ in range(STEPS)]
    return torch.stack(losses).detach()


if __name__ == '__main__':
    torch.save(quantities(), PATH)
    print(f'{PATH}: {PATH.stat().st_size} bytes')
