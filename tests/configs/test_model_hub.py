"""mmpretrain's list of models has ours after ``import mmmap``."""

import mmpretrain
import pytest
import torch

import mmmap  # noqa: F401  registers the models
from mmmap.models.backbones import HybridNet
from mmmap.openmmlab.model_hub import register_models
from tests.configs.shipped import CONFIGS, NAMED


def test_all_configs_of_mmpretrain_are_listed():
    listed = set(mmpretrain.list_models())
    ours = {CONFIGS[n].stem for n in NAMED if n.startswith('mmpretrain/')}
    assert ours <= listed
    hybrid = mmpretrain.list_models('*hybridnet*')
    assert hybrid == sorted(n for n in ours if 'hybridnet' in n)
    # Those of the library are there too.
    assert 'resnet50_8xb32_in1k' in listed


def test_a_model_by_name(tmp_path):
    name = 'hybridnet-tiny_8xb128-amp-ft-400e_in1k'
    model = mmpretrain.get_model(name, backbone=dict(img_size=64))
    assert isinstance(model.backbone, HybridNet)
    assert model._metainfo.name == name
    file = tmp_path / 'weights.pth'
    torch.save(dict(state_dict=model.state_dict()), file)
    again = mmpretrain.get_model(
        name, pretrained=str(file), backbone=dict(img_size=64)
    )
    for key, value in again.state_dict().items():
        assert torch.equal(value, model.state_dict()[key]), key


def test_without_configs_nothing_is_registered(tmp_path):
    before = mmpretrain.list_models()
    register_models(tmp_path)
    assert mmpretrain.list_models() == before


def test_twice_is_refused():
    with pytest.raises(ValueError, match='conflict'):
        register_models()
