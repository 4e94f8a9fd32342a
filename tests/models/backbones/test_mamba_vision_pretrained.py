import pytest
import torch

from mmmap.checkpoints import CheckpointError
from tests.models.tiny_mamba_vision import ARCH, tiny_mamba_vision


@pytest.fixture
def source():
    """What pretraining leaves, its norms moved off their init."""
    model = tiny_mamba_vision(seed=1, out_type='raw')
    for name, value in model.state_dict().items():
        if 'norm' in name and value.is_floating_point():
            value.uniform_(0.5, 2)
    return model


@pytest.fixture
def saved(source, tmp_path):
    weights = {f'backbone.{k}': v for k, v in source.state_dict().items()}
    weights['decoder.mask_token'] = torch.zeros(1, 1, 4)
    path = tmp_path / 'epoch_1.pth'
    torch.save(dict(state_dict=weights), path)
    return str(path)


def load(path, **options):
    init = dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    model = tiny_mamba_vision(init_cfg=init, **options)
    model.init_weights()
    return model


@pytest.mark.parametrize(
    'options',
    [
        dict(out_type='raw'),
        dict(out_type='avg_featmap'),
        dict(out_indices=(0, 1, 2, 3)),
        dict(out_indices=(0, 1)),
        dict(frozen_stages=2),
    ],
)
def test_all_that_pretraining_learned_is_loaded(saved, source, options):
    """Also statistics; norms of other outputs start from their init."""
    theirs = source.state_dict()
    for name, value in load(saved, **options).state_dict().items():
        if not name.startswith('out_norms.'):
            assert torch.equal(value, theirs[name]), name


def test_weights_without_a_mask_token_can_be_pretrained_on(source, tmp_path):
    weights = {f'backbone.{k}': v for k, v in source.state_dict().items()}
    del weights['backbone.mask_token']
    torch.save(weights, tmp_path / 'converted.pth')
    model = load(str(tmp_path / 'converted.pth'), out_type='raw')
    assert torch.equal(model.norm.weight, source.norm.weight)
    assert model.mask_token.any()


@pytest.mark.parametrize(
    ('arch', 'message'),
    [
        (dict(embed_dims=8), r'mismatched.*stem.3.weight'),
        (dict(depths=(1, 1, 4, 2)), 'missing'),
        (dict(depths=(1, 1, 3, 1)), r'unexpected.*stages.3.blocks.1'),
        (dict(layer_scale=1e-5), r'missing.*stages.2.blocks.0.scale1'),
    ],
)
def test_another_arch_is_refused(saved, arch, message):
    with pytest.raises(CheckpointError, match=message):
        load(saved, arch=ARCH | arch)
