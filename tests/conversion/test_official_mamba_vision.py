import pytest
import torch

from mmmap.conversion.mamba_vision_parity import (
    build_official,
    mamba_vision_errors,
)
from mmmap.conversion.names import ConversionError
from mmmap.conversion.official_mamba_vision import (
    depths_of,
    to_mmmap,
    to_official,
)
from tests.conversion.official import PARITY, check_rename
from tests.conversion.official_mamba_vision import (
    CONFIG,
    make_fixture,
    make_official,
)
from tests.tools.conversions import same

QUANTITIES = {'stem', 'pooled', 'logits'} | {f'stage {i}' for i in range(1, 5)}


@pytest.mark.parametrize('layer_scale', [False, True])
@pytest.mark.parametrize('depths', [(1, 2, 3, 2), (1, 1, 1, 1), (3, 3, 10, 5)])
def test_there_and_back(depths, layer_scale):
    official = make_official(depths, layer_scale)
    ours = to_mmmap(official)
    assert len(ours) == len(official)
    assert depths_of(ours, 'backbone.stages') == depths
    same(to_official(ours), official)


@pytest.mark.parametrize('layer_scale', [None, 1e-5])
def test_names_are_those_of_the_model(layer_scale):
    """Strict loading, and what the published code would call it."""
    model = build_official(CONFIG | dict(layer_scale=layer_scale))
    official = to_official(model.state_dict())
    made = make_official(layer_scale=layer_scale is not None)
    assert official.keys() == made.keys()
    model.load_state_dict(to_mmmap(official))


def test_each_tensor_goes_where_it_belongs():
    official = make_official(layer_scale=True)
    ours = to_mmmap(official)
    exact = {
        'patch_embed.conv_down.3.weight': 'backbone.stem.3.weight',
        'levels.1.downsample.reduction.0.weight': (
            'backbone.downsamples.1.weight'
        ),
        'levels.1.blocks.1.norm2.running_var': (
            'backbone.stages.1.blocks.1.norm2.running_var'
        ),
        'levels.2.blocks.1.mixer.conv1d_z.weight': (
            'backbone.stages.2.blocks.1.mixer.conv_z.weight'
        ),
        'levels.3.blocks.0.mixer.A_log': (
            'backbone.stages.3.blocks.0.mixer.ssm.A_log'
        ),
        'levels.3.blocks.1.gamma_2': 'backbone.stages.3.blocks.1.scale2',
        'head.bias': 'head.fc.bias',
    }
    for theirs, mine in exact.items():
        assert torch.equal(official[theirs], ours[mine])


def test_no_name_may_be_left_over_or_absent():
    official = make_official()
    check_rename(to_mmmap, official, 'A_log', 'official MambaVision')
    check_rename(to_official, to_mmmap(official), 'A_log', 'mmmap MambaVision')


def test_a_tensor_is_shaped_as_in_the_other_blocks():
    official = make_official()
    name = 'levels.2.blocks.1.mixer.in_proj.weight'
    official[name] = torch.zeros(7)
    # Other stages have other widths.
    official['levels.3.blocks.0.mixer.in_proj.weight'] = torch.zeros(4)
    message = rf'{name} is \(7,\), but levels.2.* not of a MambaVision'
    with pytest.raises(ConversionError, match=message):
        to_mmmap(official)


def test_official_numbers():
    path = PARITY / 'mambavision_official_a.pt'
    if not path.is_file():
        pytest.skip(f'no fixture {path.name} beside the repository')
    fixture = torch.load(path, weights_only=True)
    errors = mamba_vision_errors(fixture)
    assert errors.keys() == QUANTITIES
    assert max(errors.values()) < 1e-5


@pytest.mark.parametrize(
    'sizes',
    [
        dict(depths=[1, 1, 4, 5]),
        dict(layer_scale=0.5, mlp_ratio=2),
        dict(num_heads=[9, 9, 4, 8], window_size=[1, 1, 5, 4]),
    ],
)
def test_fixtures_of_other_sizes(sizes):
    errors = mamba_vision_errors(make_fixture(**sizes))
    assert errors.keys() == QUANTITIES
    assert max(errors.values()) < 1e-5


def test_a_difference_is_seen():
    fixture = make_fixture()
    for name in ('stem', 'pooled', 'logits'):
        fixture[name] = fixture[name] * 1.01
    fixture['stages_before_downsample'][2] *= 1.01
    errors = mamba_vision_errors(fixture)
    for name in ('stem', 'pooled', 'logits', 'stage 3'):
        assert errors.pop(name) == pytest.approx(0.01, rel=0.02)
    assert max(errors.values()) < 1e-5


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda f: f.pop('logits'), r"MambaVision: it lacks \['logits'\]"),
        (lambda f: f.update(loss=0), r"cannot compare \['loss'\]"),
        (lambda f: f['config'].pop('dim'), r"config: it lacks \['dim'\]"),
        (lambda f: f['state_dict'].pop('norm.bias'), '1 absent'),
        (lambda f: f['stages_before_downsample'].pop(), 'zip'),
    ],
)
def test_another_form(spoil, message):
    fixture = make_fixture()
    spoil(fixture)
    with pytest.raises(ValueError, match=message):
        mamba_vision_errors(fixture)
