"""What all backbones have in common."""

import pytest
import torch

from mmmap.models.backbones import HybridNet
from tests.models.tiny import seeded_images
from tests.models.tiny_mamba_vision import tiny_mamba_vision
from tests.models.tiny_points import seeded_clouds, tiny_backbone

ARCH = dict(embed_dims=24, pattern='MMTMMT', num_heads=4, d_state=4)


def hybrid_net(**options):
    torch.manual_seed(0)
    return HybridNet(ARCH, img_size=32, patch_size=8, **options)


@pytest.mark.parametrize(
    ('build', 'options', 'inputs'),
    [
        (
            hybrid_net,
            dict(drop_path_rate=0.5, out_indices=(2, 5)),
            seeded_images(size=32),
        ),
        (
            tiny_mamba_vision,
            dict(out_indices=(0, 1, 2, 3)),
            seeded_images(size=64),
        ),
        (tiny_backbone, {}, seeded_clouds()),
    ],
)
def test_checkpointing_changes_nothing(build, options, inputs):
    results = []
    for with_cp in (False, True):
        model = build(with_cp=with_cp, **options)
        torch.manual_seed(7)
        outs = model(inputs)
        sum(out.square().sum() for out in outs).backward()
        results.append((outs, [p.grad for p in model.parameters()]))
    (outs, grads), (same_outs, same_grads) = results
    torch.testing.assert_close(outs, same_outs, rtol=0, atol=0)
    torch.testing.assert_close(grads, same_grads)


LAYER_DEPTHS = [
    (
        lambda: hybrid_net(out_indices=(2, 5)),
        {
            'patch_embed.proj.weight': 0,
            'pos_embed.weight': 0,
            'layers.0.mixer.ssm_forward.A_log': 1,
            'layers.5.mlp.fc1.weight': 6,
            'norm.weight': 7,
            'out_norms.2.weight': 7,
        },
    ),
    (
        lambda: tiny_mamba_vision(out_indices=(2, 3), out_type='raw'),
        {
            'stem.0.weight': 0,
            'mask_token': 0,
            'stages.0.blocks.0.conv1.weight': 1,
            'downsamples.0.weight': 2,
            'stages.1.blocks.0.norm2.bias': 2,
            'downsamples.1.weight': 3,
            'stages.2.blocks.2.mixer.qkv.weight': 5,
            'downsamples.2.weight': 6,
            'stages.3.blocks.1.mlp.fc1.weight': 7,
            'norm.weight': 8,
            'out_norms.2.weight': 8,
        },
    ),
    (
        lambda: tiny_backbone(with_cls_token=True, out_indices=[0, 2]),
        {
            'embed.first.0.weight': 0,
            'position.2.bias': 0,
            'cls_token': 0,
            'cls_position': 0,
            'layers.0.local.scale': 1,
            'layers.2.mixer.attn.qkv.weight': 3,
            'norm.weight': 4,
            'out_norms.0.bias': 4,
        },
    ),
]


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
@pytest.mark.parametrize(('build', 'expected'), LAYER_DEPTHS)
def test_layer_depth(build, expected, prefix):
    model = build()
    assert expected.keys() <= dict(model.named_parameters()).keys()
    number = max(expected.values()) + 1
    found = {n: model.get_layer_depth(prefix + n, prefix) for n in expected}
    assert found == {n: (depth, number) for n, depth in expected.items()}
