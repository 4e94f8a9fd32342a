import pytest
import torch

from mmmap.conversion.fixtures import relative_error
from mmmap.conversion.official_map import to_official
from mmmap.conversion.parity import errors_of, map_errors
from tests.conversion.official import PARITY, make_fixture


@pytest.mark.parametrize('name', ['a', 'b'])
def test_official_numbers(name):
    path = PARITY / f'map2d_official_{name}.pt'
    if not path.is_file():
        pytest.skip(f'no fixture {path.name} beside the repository')
    fixture = torch.load(path, weights_only=True)
    errors = map_errors(fixture)
    grads = {key for key in errors if key.startswith('grad ')}
    assert grads == {f'grad {key}' for key in fixture['grads']}
    rest = {'encoder_visible', 'encoder_full', 'decoder_pred', 'loss'}
    assert errors.keys() - grads == rest
    assert max(errors.values()) < 1e-5


@pytest.mark.parametrize(
    'sizes',
    [
        dict(decoder_depth=3),
        dict(mamba_depth=7, transformer_every=3, d_state=5),
        dict(mamba_depth=6, transformer_every=6, expand=1),
        dict(norm_pix=False, img_size=24, patch_size=8, d_conv=3),
        dict(embed_dim=12, num_heads=3, decoder_embed_dim=10),
    ],
)
def test_fixtures_of_other_sizes(sizes):
    fixture = make_fixture(to_official, **sizes)
    errors = map_errors(fixture)
    assert len(errors) == 4 + len(fixture['state_dict'])
    assert max(errors.values()) < 1e-5


@pytest.mark.parametrize(
    'quantity', ['encoder_visible', 'encoder_full', 'decoder_pred', 'loss']
)
def test_a_difference_is_seen(quantity):
    fixture = make_fixture(to_official)
    fixture[quantity] = fixture[quantity] * 1.01
    errors = map_errors(fixture)
    assert errors.pop(quantity) == pytest.approx(0.01, rel=0.02)
    assert max(errors.values()) < 1e-5


def test_a_different_gradient_is_seen():
    fixture = make_fixture(to_official)
    name = 'layers.1.mixer.A_b_log'
    fixture['grads'][name] = fixture['grads'][name] * 2
    errors = map_errors(fixture)
    assert errors.pop(f'grad {name}') == pytest.approx(0.5)
    assert max(errors.values()) < 1e-5


def test_relative_error_is_to_the_largest_value():
    ours, official = torch.tensor([1.0, 3.9]), torch.tensor([1.1, 4.0])
    assert relative_error(ours, official) == pytest.approx(0.1 / 4)
    assert relative_error(torch.zeros(2), torch.zeros(2)) == 0
    with pytest.raises(ValueError, match=r'shape \(2,\), official \(3,\)'):
        relative_error(torch.zeros(2), torch.zeros(3))


def drop(key):
    return lambda fixture: fixture.pop(key)


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (drop('loss'), r"not a fixture.*it lacks \['loss'\]"),
        (lambda f: f.update(logits=0), r"cannot compare \['logits'\]"),
        (lambda f: f['config'].pop('expand'), r"config: .*\['expand'\]"),
        (lambda f: f.update(config=3), 'config: it lacks.*int'),
        (
            lambda f: f['config'].update(rms_norm_eps=1e-6),
            'rms_norm_eps is 1e-06, our norms have 1e-05',
        ),
        (
            lambda f: f['grads'].update(cls_token=torch.zeros(1)),
            'gradient of an unknown weight, cls_token',
        ),
        (lambda f: f['state_dict'].pop('norm_f.weight'), '1 absent'),
    ],
)
def test_another_form(spoil, message):
    fixture = make_fixture(to_official)
    spoil(fixture)
    with pytest.raises(ValueError, match=message):
        map_errors(fixture)


@pytest.mark.parametrize('content', [{}, dict(config=1, points=2)])
def test_neither_kind_of_fixture(content):
    message = r'neither a fixture of 2-D MAP.*nor of MambaVision.*its keys'
    with pytest.raises(ValueError, match=message):
        errors_of(content)


def test_each_kind_is_recognised():
    fixture = make_fixture(to_official)
    assert errors_of(fixture).keys() == map_errors(fixture).keys()
    message = 'not a fixture of MambaVision: it lacks'
    with pytest.raises(ValueError, match=message):
        errors_of(dict(config={}, stem=torch.zeros(1)))
