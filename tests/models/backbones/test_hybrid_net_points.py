import pytest
import torch
from mmpretrain.registry import MODELS

from mmmap.checkpoints import CheckpointError
from tests.models.tiny_points import (
    BACKBONE,
    DIMS,
    GROUPS,
    seeded_clouds,
    tiny_backbone,
    tiny_classifier,
)


@pytest.mark.parametrize(
    ('settings', 'shapes'),
    [
        ({}, [(2, GROUPS, DIMS)]),
        (dict(with_cls_token=True), [(2, GROUPS + 1, DIMS)]),
        (dict(out_type='pooled'), [(2, DIMS)]),
        (dict(out_type='pooled', with_cls_token=True), [(2, 2 * DIMS)]),
        (dict(out_indices=[0, -1]), [(2, GROUPS, DIMS)] * 2),
        (dict(out_indices=1, order='hilbert'), [(2, GROUPS, DIMS)]),
    ],
)
def test_shapes_are_the_declared_ones(settings, shapes):
    backbone = tiny_backbone(**settings)
    outs = backbone(seeded_clouds())
    assert [tuple(out.shape) for out in outs] == shapes
    assert backbone.out_channels == shapes[-1][-1]


def test_published_size():
    with torch.device('meta'):
        model = MODELS.build(
            dict(
                type='ImageClassifier',
                backbone=dict(
                    type='HybridNetPoints',
                    arch='small',
                    with_cls_token=True,
                    out_type='pooled',
                ),
                head=dict(
                    type='PointClsHead', num_classes=40, in_channels=768
                ),
                data_preprocessor=dict(type='PointDataPreprocessor'),
            )
        )
    assert model.backbone.pattern == 'MMMT' * 4
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    assert millions == pytest.approx(25.2, abs=0.05)


def test_every_parameter_has_a_gradient():
    model = tiny_classifier(out_indices=[0, 2], drop_path_rate=0.0)
    feats = model.backbone(seeded_clouds(4))
    logits = model.head((feats[0],)) + model.head((feats[1],))
    logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # A bias before a batch norm that centres it has none but rounding.
        assert name.endswith('bias') or parameter.grad.abs().max() > 0, name


def test_order_of_input_points_does_not_matter():
    """But for point 0, where sampling begins."""
    backbone = tiny_backbone(with_cls_token=True).eval()
    points = seeded_clouds(2, 50)
    generator = torch.Generator().manual_seed(3)
    order = 1 + torch.randperm(49, generator=generator)
    moved = torch.cat((points[:, :1], points[:, order]), dim=1)
    (tokens,), (again,) = backbone(points), backbone(moved)
    torch.testing.assert_close(again, tokens)


def test_result_does_not_depend_on_the_batch():
    points = seeded_clouds(3)
    backbone = tiny_backbone(out_type='pooled').eval()
    (together,), (alone,) = backbone(points), backbone(points[1:2])
    torch.testing.assert_close(together[1:2], alone)
    for quirk in ('batch_std', 'first_sample_mean'):
        published = tiny_backbone(out_type='pooled', **{quirk: True}).eval()
        (together,), (alone,) = published(points), published(points[1:2])
        assert not torch.allclose(together[1:2], alone, atol=1e-4), quirk


def test_pooling():
    backbone = tiny_backbone(with_cls_token=True, first_sample_mean=True)
    tokens = torch.randn(3, 5, DIMS)
    first = backbone.pool(tokens)
    backbone.first_sample_mean = False
    pooled = backbone.pool(tokens)
    groups = tokens[:, 1:]
    expected = groups.max(1).values + groups.mean(1)
    torch.testing.assert_close(pooled[:, DIMS:], expected)
    torch.testing.assert_close(pooled[:, :DIMS], tokens[:, 0])
    torch.testing.assert_close(first[0], pooled[0])
    slip = groups[2].max(0).values + groups[0].mean(0)
    torch.testing.assert_close(first[2, DIMS:], slip)


def test_kept_groups_are_encoded_as_if_alone():
    backbone = tiny_backbone().eval()
    groups = backbone.units(seeded_clouds())
    keep = torch.tensor([[0, 3, 4], [1, 2, 9]])
    (kept,) = backbone(groups, keep)
    (alone,) = backbone(groups.gather(keep))
    assert torch.equal(kept, alone)
    assert kept.shape == (2, 3, DIMS)


def test_class_token_may_be_new(tmp_path):
    source = tiny_backbone(seed=1)
    path = str(tmp_path / 'pretrained.pth')
    weights = {f'backbone.{n}': x for n, x in source.state_dict().items()}
    torch.save(dict(state_dict=weights), path)
    init = dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    backbone = tiny_backbone(with_cls_token=True, init_cfg=init)
    before = backbone.cls_token.clone()
    backbone.init_weights()
    assert torch.equal(backbone.cls_token, before)
    qkv = 'layers.2.mixer.attn.qkv.weight'
    assert torch.equal(backbone.get_parameter(qkv), source.get_parameter(qkv))
    arch = dict(BACKBONE['arch'], pattern='MTM')
    other = tiny_backbone(arch=arch, init_cfg=init)
    with pytest.raises(CheckpointError, match='does not fit HybridNetPoints'):
        other.init_weights()


def test_frozen():
    backbone = tiny_backbone(frozen_stages=3, with_cls_token=True).train()
    assert not [n for n, p in backbone.named_parameters() if p.requires_grad]
    assert not backbone.embed.first[1].training
    backbone = tiny_backbone(frozen_stages=1)
    learned = {
        n.split('.')[1]
        for n, p in backbone.named_parameters()
        if p.requires_grad and n.startswith('layers')
    }
    assert learned == {'1', '2'}


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(arch='giant'), "unknown arch 'giant'"),
        (dict(order='peano'), "unknown order 'peano'.*fps, hilbert, morton"),
        (dict(out_type='tokens'), "unknown out_type 'tokens'"),
        (dict(num_groups=0), 'num_groups must be a whole number'),
        (dict(group_size=1.5), 'group_size must be a whole number'),
        (dict(out_indices=7), 'out_indices must lie in'),
        (dict(frozen_stages=9), 'frozen_stages must be in'),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        tiny_backbone(**settings)


def test_wrong_input_is_named():
    backbone = tiny_backbone()
    with pytest.raises(ValueError, match='is 10, but a cloud has 7 points'):
        backbone(seeded_clouds(2, 7))
    with pytest.raises(ValueError, match=r'must be clouds.*\(2, 40, 6\)'):
        backbone(torch.zeros(2, 40, 6))
    spoiled = seeded_clouds()
    spoiled[1, 3, 0] = torch.nan
    with pytest.raises(ValueError, match='point 3 of sample 1'):
        backbone(spoiled)
    pooled = tiny_backbone(out_type='pooled')
    with pytest.raises(ValueError, match="needs out_type='raw'"):
        pooled(seeded_clouds(), torch.zeros(2, 1).long())


def test_all_points_equal_is_defined():
    model = tiny_classifier()
    out = model(torch.ones(4, 40, 3))
    out.sum().backward()
    assert out.isfinite().all()
    assert model.backbone.position[0].weight.grad.isfinite().all()


def test_bf16_autocast_is_close():
    backbone = tiny_backbone(out_type='pooled').eval()
    (plain,) = backbone(seeded_clouds())
    with torch.autocast('cpu', torch.bfloat16):
        (half,) = backbone(seeded_clouds())
    assert (half.float() - plain).abs().max() < 0.1 * plain.abs().max()
