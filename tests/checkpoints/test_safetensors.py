import json
import sys

import numpy as np
import pytest
import torch
from mmengine.runner import CheckpointLoader

import mmmap  # noqa: F401  replaces mmengine's reader
from mmmap.checkpoints import (
    CheckpointError,
    read_checkpoint,
    write_checkpoint,
)
from mmmap.models.backbones import HybridNet

safetensors = pytest.importorskip(
    'safetensors', reason='of requirements/runtime.txt, not installed here'
)
ARCH = dict(embed_dims=16, pattern='MT', num_heads=4, d_state=4)


@pytest.fixture
def weights():
    torch.manual_seed(1)
    return HybridNet(ARCH, img_size=32).state_dict()


def test_there_and_back(tmp_path, weights):
    path = tmp_path / 'new' / 'weights.safetensors'
    meta = dict(
        epoch=3,
        dataset_meta=dict(classes=('a', 'b'), palette=np.eye(2)),
    )
    write_checkpoint(path, dict(state_dict=weights, meta=meta, optimizer=1))
    read = read_checkpoint(path)
    assert read.keys() == {'state_dict', 'meta'}
    assert read['meta'] == dict(
        epoch=3,
        dataset_meta=dict(classes=('a', 'b'), palette=[(1, 0), (0, 1)]),
    )
    assert read['state_dict'].keys() == weights.keys()
    for key, value in weights.items():
        assert torch.equal(read['state_dict'][key], value), key
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_plain_libraries_read_it(tmp_path, weights):
    path = tmp_path / 'weights.safetensors'
    write_checkpoint(path, weights)
    loaded = pytest.importorskip('safetensors.torch').load_file(path)
    assert loaded.keys() == weights.keys()
    with safetensors.safe_open(path, framework='pt') as file:
        assert file.metadata()['format'] == 'pt'
        assert json.loads(file.metadata()['meta']) == {}


def test_equal_content_is_an_equal_file(tmp_path, weights):
    """The library writes the texts of a header in an order of chance."""
    meta = dict(dataset_meta=dict(classes=('\u00e4', '"\n')))
    files = [tmp_path / f'{i}.safetensors' for i in range(8)]
    for file in files:
        write_checkpoint(file, dict(state_dict=weights, meta=meta))
    assert len({file.read_bytes() for file in files}) == 1
    assert read_checkpoint(files[0])['meta'] == meta


def test_a_backbone_and_mmengine_take_it(tmp_path, weights):
    path = str(tmp_path / 'weights.safetensors')
    weights = {f'backbone.{key}': value for key, value in weights.items()}
    write_checkpoint(path, dict(state_dict=weights))
    init = dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    model = HybridNet(ARCH, img_size=32, init_cfg=init)
    model.init_weights()
    for key, value in model.state_dict().items():
        assert torch.equal(weights[f'backbone.{key}'], value), key
    read = CheckpointLoader.load_checkpoint(path)
    assert read['state_dict'].keys() == weights.keys()


def test_tensors_that_share_memory(tmp_path):
    path = tmp_path / 'weights.safetensors'
    whole = torch.arange(6.0).view(2, 3)
    write_checkpoint(path, dict(a=whole, b=whole.t(), c=whole[0]))
    read = read_checkpoint(path)['state_dict']
    assert torch.equal(read['b'], whole.t())
    assert torch.equal(read['c'], whole[0])


def test_what_is_no_tensor_is_refused(tmp_path):
    path = tmp_path / 'weights.safetensors'
    with pytest.raises(CheckpointError, match="only tensors.*'epoch'"):
        write_checkpoint(path, dict(a=torch.ones(1), epoch=1))
    assert not list(tmp_path.iterdir())


def test_a_truncated_file(tmp_path, weights):
    path = tmp_path / 'weights.safetensors'
    write_checkpoint(path, weights)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(CheckpointError, match='cannot read.*truncated'):
        read_checkpoint(path)


def test_without_the_package(tmp_path, monkeypatch, weights):
    monkeypatch.setitem(sys.modules, 'safetensors', None)
    with pytest.raises(CheckpointError, match='requirements/runtime.txt'):
        write_checkpoint(tmp_path / 'weights.safetensors', weights)
