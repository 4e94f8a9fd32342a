"""Official weights and fixtures made by hand, of any size.

The values are ours: what these test is names, sizes and bookkeeping. Numbers
of the official code are in the fixtures of ``shared/parity``.
"""

import pytest
import torch

from mmmap.conversion.names import ConversionError
from mmmap.conversion.parity import build_official
from mmmap.models.masking import Layout, hide
from tests.helpers import REPO
from tests.models.tiny import seeded_images

PARITY = REPO.parent / 'shared' / 'parity'

CONFIG = dict(
    img_size=16,
    patch_size=4,
    embed_dim=8,
    mamba_depth=4,
    transformer_every=2,
    num_heads=2,
    transformer_mlp_ratio=2.0,
    d_state=3,
    d_conv=4,
    expand=2,
    rms_norm_eps=1e-5,
    decoder_embed_dim=8,
    decoder_num_heads=2,
    decoder_depth=2,
    decoder_mlp_ratio=4.0,
    norm_pix=True,
)

# Official names of a Mamba, an attention and a decoder block and of the rest,
# by the published code; shapes do not matter to a converter.
MAMBA = """
norm.weight mixer.in_proj.weight mixer.out_proj.weight mixer.A_log mixer.D
mixer.conv1d.weight mixer.conv1d.bias mixer.x_proj.weight
mixer.dt_proj.weight mixer.dt_proj.bias mixer.A_b_log mixer.D_b
mixer.conv1d_b.weight mixer.conv1d_b.bias mixer.x_proj_b.weight
mixer.dt_proj_b.weight mixer.dt_proj_b.bias
"""
ATTENTION = """
norm1.weight norm1.bias attn.qkv.weight attn.qkv.bias attn.proj.weight
attn.proj.bias norm2.weight norm2.bias mlp.fc1.weight mlp.fc1.bias
mlp.fc2.weight mlp.fc2.bias
"""
DECODER = """
norm2_1.weight norm2_1.bias norm2_2.weight norm2_2.bias attn2.q.weight
attn2.q.bias attn2.kv.weight attn2.kv.bias attn2.proj.weight attn2.proj.bias
norm2.weight norm2.bias mlp.fc1.weight mlp.fc1.bias mlp.fc2.weight
mlp.fc2.bias
"""
SINGLE = """
mask_token patch_embed.proj.weight patch_embed.proj.bias norm_f.weight
decoder_embed.weight decoder_embed.bias decoder_norm.weight
decoder_norm.bias ar_pred.weight ar_pred.bias cls_token pos_embed_cls
head.weight head.bias
"""


def make_official(mamba=6, attention=2, decoder=4, tokens=9):
    """Official weights in which every tensor is another one."""
    names = SINGLE.split()
    for prefix, number, leaves in (
        ('layers', mamba, MAMBA),
        ('blocks', attention, ATTENTION),
        ('decoder_blocks', decoder, DECODER),
    ):
        for index in range(number):
            names += [f'{prefix}.{index}.{leaf}' for leaf in leaves.split()]
    weights = {n: torch.full((2,), float(i)) for i, n in enumerate(names)}
    for name in ('pos_embed', 'decoder_pos_embed_learned'):
        weights[name] = torch.randn(1, tokens, 4)
    return weights


def make_fixture(to_official, **sizes):
    """A fixture of the form of ``shared/parity`` from our own model."""
    config = CONFIG | sizes
    torch.manual_seed(0)
    model = build_official(config).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    images = seeded_images(size=config['img_size'])
    grid = model.backbone.patch_embed.grid(images)
    mask = torch.arange(grid[0] * grid[1]).expand(2, -1) % 2 == 0
    masked = hide(mask)
    (visible,) = model.backbone(images, masked.ids_keep)
    features = model.decoder(visible, masked, Layout(grid))
    target = model.target_generator(images)
    loss = model.head.loss(features, target, mask)
    loss.backward()
    grads = {n: p.grad for n, p in model.named_parameters()}
    return dict(
        config=config,
        state_dict=to_official(model.state_dict()),
        image=images,
        mask=mask.float(),
        encoder_visible=visible.detach(),
        encoder_full=model.backbone(images)[0].detach(),
        decoder_pred=model.head(features).detach(),
        loss=loss.detach(),
        grads=to_official(grads),
    )


def check_rename(convert, weights, suffix, what):
    """A converter refuses weights with a tensor of another name."""
    name = next(n for n in weights if n.endswith(suffix))
    renamed = {n.replace(name, 'token'): v for n, v in weights.items()}
    message = rf"complete {what}.*1 unknown.*\['token'\].*1 absent.*{name}"
    with pytest.raises(ConversionError, match=message):
        convert(renamed)
