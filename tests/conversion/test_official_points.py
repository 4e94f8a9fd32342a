import pytest
import torch

from mmmap.conversion.fixtures import relative_error
from mmmap.conversion.names import ConversionError
from mmmap.conversion.official_points import (
    kind_of,
    pattern_of_mmmap,
    to_mmmap,
    to_official,
    unused_of,
)
from mmmap.conversion.parity import errors_of
from mmmap.conversion.points_parity import _ours as ours_of
from mmmap.conversion.points_parity import points_errors, points_rounding
from tests.conversion.official import PARITY, check_rename
from tests.conversion.official_points import make_fixture, official_weights
from tests.tools.conversions import same

KINDS = pytest.mark.parametrize('kind', ['pretrain', 'finetune'])


@pytest.fixture(scope='module')
def official():
    path = PARITY / 'points_official_a.pt'
    if not path.is_file():
        pytest.skip(f'no fixture {path.name} beside the repository')
    return torch.load(path, weights_only=True)


def test_official_numbers(official):
    errors = points_errors(official)
    grads = {n: errors.pop(n) for n in list(errors) if n.startswith('grad ')}
    assert grads.keys() == {f'grad {n}' for n in official['pretrain']['grads']}
    assert errors.keys() == {
        'center',
        'neighborhood',
        'encoder_visible',
        'loss',
        'tokens',
        'logits',
    }
    assert errors['center'] == errors['neighborhood'] == 0
    assert max(errors.values()) < 1e-5
    # The first block divides by a standard deviation of 0.012, which makes
    # rounding as large here: two results in fp32 may be so far apart.
    rounding = points_rounding(official)
    assert sorted(grads.values())[len(grads) // 2] < 1e-5
    for name, error in grads.items():
        assert error < max(1e-5, 2 * rounding[name]), name
    assert 1e-5 < max(rounding.values()) < 1e-4


def test_official_gradients_are_as_near_to_fp64_as_ours(official):
    """What is above the tolerance is rounding on both sides."""
    exact = ours_of(official, torch.float64)
    rounding = points_rounding(official)
    for name, grad in official['pretrain']['grads'].items():
        name = f'grad {name}'
        distance = relative_error(grad, exact[name])
        assert distance < max(1e-5, 1.5 * rounding[name]), name


@KINDS
def test_official_weights_there_and_back(official, kind):
    weights = official[kind]['state_dict']
    back = to_official(to_mmmap(weights))
    same({**back, **unused_of(weights)}, weights)
    assert pattern_of_mmmap(to_mmmap(weights)) == 'MMMT'


@KINDS
@pytest.mark.parametrize(
    ('sizes', 'pattern'),
    [
        ({}, 'MMTMMT'),
        (dict(depth=7, transformer_every=3, decoder_depth=1), 'MMMTMMMTM'),
        (dict(depth=2, transformer_every=1, decoder_depth=3), 'MTMT'),
    ],
)
def test_there_and_back(kind, sizes, pattern):
    """Strict loading, and every tensor comes back as it was."""
    weights, model = official_weights(kind, **sizes)
    assert kind_of(weights) == kind
    ours = to_mmmap(weights)
    assert pattern_of_mmmap(ours) == pattern
    model.load_state_dict(ours)
    same({**to_official(ours), **unused_of(weights)}, weights)


def test_each_tensor_goes_where_it_belongs():
    weights, _ = official_weights('pretrain')
    ours = to_mmmap(weights)
    exact = {
        'blocks.blocks.3.norm2.bias': 'layers.4.norm_mixer.bias',
        'blocks.blocks.2.mixer.A_b_log': ('layers.3.mixer.ssm_backward.A_log'),
        'blocks.blocks_vit.1.mixer.attn.qkv.weight': (
            'layers.5.mixer.attn.qkv.weight'
        ),
        'blocks.blocks_vit.0.lfa.pre_norm_ft.weight': (
            'layers.2.local.norm.weight'
        ),
        'encoder.second_conv.1.running_var': 'embed.second.1.running_var',
    }
    for theirs, mine in exact.items():
        assert torch.equal(
            weights[f'MAE_encoder.{theirs}'], ours[f'backbone.{mine}']
        )
    alpha = weights['MAE_encoder.blocks.blocks.0.lfa.lga.affine_alpha_feat']
    assert alpha.shape == (1, 1, 1, 16)
    assert torch.equal(alpha[0, 0, 0], ours['backbone.layers.0.local.scale'])
    assert weights['increase_dim.0.weight'].shape == (15, 8, 1)


@KINDS
def test_no_name_may_be_left_over_or_absent(kind):
    weights, _ = official_weights(kind)
    check_rename(to_mmmap, weights, 'norm2.weight', rf'.*\({kind}\)')
    ours = to_mmmap(weights)
    ours['extra'] = torch.zeros(1)
    with pytest.raises(ConversionError, match=f'mmmap point {kind}.*extra'):
        to_official(ours)


def test_other_weights():
    with pytest.raises(ConversionError, match='weights of MAP on points'):
        to_mmmap({'conv1.weight': torch.zeros(1)})
    weights, _ = official_weights('finetune')
    name = 'blocks.blocks.1.mixer.in_proj.weight'
    weights[name] = torch.zeros(7)
    with pytest.raises(ConversionError, match=rf'{name} is \(7,\), but'):
        to_mmmap(weights)


def test_order_that_official_names_cannot_express():
    weights, _ = official_weights('finetune')
    ours = to_mmmap(weights)
    swapped = {}
    for name, value in ours.items():
        for old, new in (('s.1.', 's.X.'), ('s.2.', 's.1.'), ('s.X.', 's.2.')):
            name = name.replace(f'backbone.layer{old}', f'backbone.layer{new}')
        swapped[name] = value
    assert pattern_of_mmmap(swapped) == 'MTMMMT'
    with pytest.raises(ConversionError, match='order of blocks MTMMMT'):
        to_official(swapped)


def test_fixtures_of_other_sizes():
    fixture = make_fixture(decoder_depth=1, num_group=11, loss='chamfer_l1')
    errors = errors_of(fixture)
    assert max(errors.values()) < 1e-5
    assert len([n for n in errors if n.startswith('grad ')]) > 50


@pytest.mark.parametrize(
    ('part', 'quantity'),
    [
        ('pretrain', 'encoder_visible'),
        ('pretrain', 'loss'),
        ('finetune', 'tokens'),
        ('finetune', 'logits'),
    ],
)
def test_a_difference_is_seen(part, quantity):
    fixture = make_fixture()
    fixture[part][quantity] = fixture[part][quantity] * 1.01
    errors = points_errors(fixture)
    assert errors.pop(quantity) == pytest.approx(0.01, rel=0.02)
    assert max(errors.values()) < 1e-5


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda f: f.pop('finetune'), r"points: it lacks \['finetune'\]"),
        (lambda f: f['pretrain'].pop('mask'), r"pretrain: it .*\['mask'\]"),
        (lambda f: f['config'].update(loss='emd'), "loss is 'emd'"),
        (lambda f: f['pretrain'].update(grads={}), 'no gradients'),
        (
            lambda f: f['pretrain']['grads'].update(a=torch.zeros(1)),
            'gradient of an unknown weight, a',
        ),
    ],
)
def test_another_form(spoil, message):
    fixture = make_fixture()
    spoil(fixture)
    with pytest.raises(ValueError, match=message):
        errors_of(fixture)
