import pytest
import torch
from mmpretrain.models import ImageClassifier

from mmmap.checkpoints import CheckpointError, read_checkpoint
from mmmap.checkpoints.fit import (
    Policy,
    compare,
    select_prefix,
    weights_of,
)
from mmmap.models.backbones import HybridNet

ARCH = dict(embed_dims=16, pattern='MTM', num_heads=4, d_state=4)


def build(seed=0, **options):
    torch.manual_seed(seed)
    return HybridNet(**dict(arch=ARCH, img_size=32, patch_size=8) | options)


@pytest.fixture
def source():
    """A pretrained backbone, its norm moved off its init."""
    model = build(seed=1)
    torch.nn.init.normal_(model.norm.weight)
    return model


@pytest.fixture
def saved(source, tmp_path):
    """A checkpoint of a whole model with that backbone."""
    weights = {f'backbone.{k}': v for k, v in source.state_dict().items()}
    weights['decoder.mask_token'] = torch.zeros(1, 1, 4)
    path = tmp_path / 'epoch_1.pth'
    torch.save(dict(state_dict=weights, meta=dict(epoch=1)), path)
    return path


def load(path, prefix='backbone.', **options):
    """Init a backbone from a checkpoint; unchanged if that fails."""
    init = dict(type='Pretrained', checkpoint=str(path), prefix=prefix)
    if prefix is None:
        del init['prefix']
    model = build(init_cfg=init, **options)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    try:
        model.init_weights()
    except CheckpointError:
        after = model.state_dict()
        assert all(torch.equal(v, after[k]) for k, v in before.items())
        raise
    return model


def assert_equal_weights(model, source, names=None):
    theirs = source.state_dict()
    for name, value in model.state_dict().items():
        if names is None or name in names:
            assert torch.equal(value, theirs[name]), name


@pytest.mark.parametrize('prefix', ['backbone.', 'backbone', None])
def test_loads_the_backbone_of_a_model(saved, source, prefix):
    assert_equal_weights(load(saved, prefix), source)


@pytest.mark.parametrize('wrap', ['', 'module.'])
@pytest.mark.parametrize('outer', [None, 'state_dict', 'model'])
def test_loads_a_backbone_alone(source, tmp_path, wrap, outer):
    path = tmp_path / 'backbone.pth'
    weights = {f'{wrap}{k}': v for k, v in source.state_dict().items()}
    torch.save({outer: weights} if outer else weights, path)
    assert_equal_weights(load(path, None), source)


def test_init_of_the_whole_model_loads_the_backbone(saved, source):
    init = dict(type='Pretrained', checkpoint=str(saved), prefix='backbone.')
    backbone = build(init_cfg=init, out_type='avg_featmap')
    head = dict(type='LinearClsHead', num_classes=3, in_channels=16)
    model = ImageClassifier(backbone, head=head)
    model.init_weights()
    assert_equal_weights(model.backbone, source)


@pytest.mark.parametrize('img_size', [48, (24, 40)])
def test_other_grids_are_resampled(saved, source, img_size):
    model = load(saved, img_size=img_size)
    grid = tuple(model.pos_embed.weight.shape[1:3])
    torch.testing.assert_close(model.pos_embed(grid), source.pos_embed(grid))
    rest = set(model.state_dict()) - {'pos_embed.weight'}
    assert_equal_weights(model, source, rest)


def test_outputs_at_other_depths_begin_with_norms_of_their_own(saved, source):
    model = load(saved, out_indices=(0, 2))
    assert torch.equal(model.out_norms['0'].weight, torch.ones(16))
    assert_equal_weights(model, source, set(source.state_dict()))


def test_fewer_blocks_of_the_same_pattern(saved, source):
    """What lies above the last output is not built, and not missed."""
    model = load(saved, out_indices=1)
    assert len(model.layers) == 2
    assert_equal_weights(model, source, set(source.state_dict()))
    assert torch.equal(model.out_norms['1'].weight, torch.ones(16))


def test_a_loaded_backbone_trains(saved):
    model = load(saved, frozen_stages=1)
    frozen = [n for n, p in model.named_parameters() if not p.requires_grad]
    assert any(name.startswith('layers.0.') for name in frozen)
    model(torch.randn(1, 3, 32, 32))[0].sum().backward()
    assert model.layers[2].mixer.in_proj.weight.grad.any()


@pytest.mark.parametrize(
    ('arch', 'message'),
    [
        (dict(embed_dims=32), r'mismatched.*patch_embed.proj.weight'),
        (dict(pattern='MMM'), 'layers.1.mixer'),
        (dict(pattern='MTMT'), 'missing.*layers.3'),
        (dict(pattern='MT'), 'unexpected.*layers.2'),
        (dict(d_state=8), r'A_log \(32, 4\) for \(32, 8\)'),
    ],
    ids=['width', 'pattern', 'deeper', 'shallower', 'state'],
)
def test_another_arch_is_refused(saved, arch, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        load(saved, arch=ARCH | arch)
    assert 'does not fit HybridNet' in str(caught.value)
    assert str(saved) in str(caught.value)


def test_wrong_prefix_names_those_there_are(saved):
    message = "under the prefix 'encoder.'.*begin with backbone, decoder"
    with pytest.raises(CheckpointError, match=message):
        load(saved, 'encoder.')


def test_nothing_that_fits(tmp_path):
    path = tmp_path / 'resnet.pth'
    torch.save({'layer1.0.conv1.weight': torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match='0 tensors matched'):
        load(path, None)


def test_absent_file(tmp_path):
    with pytest.raises(CheckpointError, match='no checkpoint at .*none.pth'):
        load(tmp_path / 'none.pth')


def test_truncated_file(saved):
    saved.write_bytes(saved.read_bytes()[:3000])
    with pytest.raises(CheckpointError, match='cannot read.*truncated'):
        load(saved)


def test_file_that_is_no_checkpoint(tmp_path):
    path = tmp_path / 'list.pth'
    torch.save([1, 2], path)
    with pytest.raises(CheckpointError, match='holds a list, not a checkp'):
        read_checkpoint(str(path))
    with pytest.raises(CheckpointError, match='x holds no weights.*epoch'):
        weights_of(dict(epoch=1), 'x')


def test_compare_counts_without_loading(source):
    weights = dict(source.state_dict())
    weights['extra'] = weights.pop('norm.weight')
    weights['pos_embed.weight'] = torch.zeros(1, 2, 2, 16)
    weights['patch_embed.proj.bias'] = torch.zeros(3)
    policy = Policy(resized=lambda key: 'pos_embed' in key)
    fit = compare(source, weights, 'x', policy)
    assert fit.missing == ['norm.weight']
    assert fit.unexpected == ['extra']
    assert fit.resized == ['pos_embed.weight']
    assert fit.shapes == {'patch_embed.proj.bias': '(3,) for (16,)'}
    assert len(fit.matched) == len(source.state_dict()) - 3
    assert str(fit).startswith(f'x: {len(fit.matched)} tensors matched')


def test_empty_prefix_takes_everything():
    weights = {'backbone.a': 1, 'b': 2}
    assert select_prefix(weights, '', 'x') == weights
    assert select_prefix(weights, None, 'x') == {'a': 1}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(arch=ARCH | dict(num_heads=2)), 'arch.num_heads=4, .* has 2'),
        (dict(attention='residual'), "attention='published', .* 'residual'"),
    ],
)
def test_what_no_shape_tells_is_compared_where_it_is_recorded(
    saved, change, message
):
    content = torch.load(saved, weights_only=True)
    backbone = dict(type='HybridNet', arch=ARCH)
    content['meta']['cfg'] = f'model = {dict(backbone=backbone)!r}'
    torch.save(content, saved)
    load(saved)
    with pytest.raises(CheckpointError, match=message):
        load(saved, **change)
