"""Official MambaVision weights and fixtures made by hand, of any size.

The values are ours: what these test is names, sizes and bookkeeping. Numbers
of the official code are in the fixtures of ``shared/parity``.
"""

import torch

from mmmap.conversion.mamba_vision_parity import build_official
from mmmap.conversion.official_mamba_vision import to_official
from tests.models.tiny import seeded_images

CONFIG = dict(
    dim=4,
    in_dim=4,
    depths=[1, 2, 3, 2],
    num_heads=[1, 1, 2, 4],
    window_size=[8, 8, 3, 2],
    mlp_ratio=4,
    layer_scale=None,
    num_classes=5,
)

# Official names of the modules, by the published code.
STEM = ('conv_down.0', 'conv_down.1', 'conv_down.3', 'conv_down.4')
NORM = """
weight bias running_mean running_var num_batches_tracked
"""
CONV = ' '.join(
    ['conv1.weight conv1.bias conv2.weight conv2.bias']
    + [f'norm{i}.{leaf}' for i in (1, 2) for leaf in NORM.split()]
)
MIXER = """
norm1.weight norm1.bias norm2.weight norm2.bias mlp.fc1.weight mlp.fc1.bias
mlp.fc2.weight mlp.fc2.bias
"""
MAMBA = """
mixer.A_log mixer.D mixer.in_proj.weight mixer.x_proj.weight
mixer.dt_proj.weight mixer.dt_proj.bias mixer.out_proj.weight
mixer.conv1d_x.weight mixer.conv1d_z.weight
"""
ATTENTION = """
mixer.qkv.weight mixer.qkv.bias mixer.proj.weight mixer.proj.bias
"""


def make_official(depths=(1, 2, 3, 2), layer_scale=False):
    """Official weights in which every tensor is another one."""
    names = ['head.weight', 'head.bias']
    for module in STEM:
        leaves = ['weight'] if module[-1] in '03' else NORM.split()
        names += [f'patch_embed.{module}.{leaf}' for leaf in leaves]
    names += [f'norm.{leaf}' for leaf in NORM.split()]
    for stage in range(3):
        names.append(f'levels.{stage}.downsample.reduction.0.weight')
    for stage, depth in enumerate(depths):
        for index in range(depth):
            leaves = CONV
            if stage > 1:
                leaves = MIXER + (
                    MAMBA if index < (depth + 1) // 2 else ATTENTION
                )
                leaves += ' gamma_1 gamma_2' if layer_scale else ''
            names += [
                f'levels.{stage}.blocks.{index}.{leaf}'
                for leaf in leaves.split()
            ]
    return {n: torch.full((2,), float(i)) for i, n in enumerate(names)}


def make_fixture(**sizes):
    """A fixture of the form of ``shared/parity`` from our own model."""
    config = CONFIG | sizes
    torch.manual_seed(0)
    model = build_official(config).eval()
    for value in model.state_dict().values():
        if value.is_floating_point():
            value += 0.1 * torch.rand_like(value)
    images = seeded_images(size=72)
    with torch.no_grad():
        (pooled,) = model.backbone(images)
        return dict(
            config=config,
            state_dict=to_official(model.state_dict()),
            image=images,
            stem=model.backbone.stem(images),
            stages_before_downsample=model.backbone.stage_maps(images),
            pooled=pooled,
            logits=model.head((pooled,)),
        )
