"""No way of loading weights runs code from a file."""

import os
from pathlib import Path

import mmengine.runner
import pytest
import torch
from mmengine.runner import CheckpointLoader
from mmpretrain import get_model

import mmmap  # noqa: F401  replaces mmengine's reader
from mmmap.checkpoints import CheckpointError, read_checkpoint
from mmmap.models.backbones import HybridNet
from tests.checkpoints.harmful import COMMAND, harmful
from tests.helpers import load_tool

ARCH = dict(embed_dims=16, pattern='MT', num_heads=4, d_state=4)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = HybridNet(ARCH, img_size=32).state_dict()
    weights = {f'backbone.{key}': value for key, value in weights.items()}
    return str(harmful(weights, tmp_path / 'weights.pth'))


def load_by_init_cfg(path):
    init = dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    HybridNet(ARCH, img_size=32, init_cfg=init).init_weights()


def load_by_mmpretrain(path):
    backbone = dict(type='HybridNet', arch=ARCH, img_size=32)
    model = dict(type='ImageClassifier', backbone=backbone)
    get_model(mmengine.Config(dict(model=model)), pretrained=path)


LOADERS = dict(
    reader=read_checkpoint,
    init_cfg=load_by_init_cfg,
    mmengine=lambda path: mmengine.runner.load_checkpoint(
        torch.nn.Linear(1, 1), path
    ),
    inferencers=CheckpointLoader.load_checkpoint,
    mmpretrain=load_by_mmpretrain,
)


@pytest.mark.parametrize('loader', LOADERS)
def test_a_harmful_file_is_refused_and_not_run(path, loader):
    with pytest.raises(CheckpointError, match='refused .* nothing was run'):
        LOADERS[loader](path)
    assert not Path('harm').exists()


def test_the_file_is_harmful_if_unpickled(path):
    assert COMMAND == 'touch harm'
    torch.load(path, weights_only=False)
    assert Path('harm').exists()


@pytest.mark.parametrize(
    'tool',
    [
        'publish_model.py',
        'model_converters/official_map_to_mmmap.py',
        'model_converters/official_mambavision_to_mmmap.py',
    ],
)
def test_tools_refuse_a_harmful_file(path, tool, capsys):
    assert load_tool(tool).main([path, 'out.pth']) == 1
    error = capsys.readouterr().err
    assert error.startswith(f'error: refused the checkpoint {path}')
    assert error.count('\n') == 1
    assert os.listdir() == ['weights.pth']


class Attribute:
    """Looks up a function, as a logged number does, and calls it."""

    def __reduce__(self):
        return eval, ("open('harm', 'w')",)


def test_the_error_names_the_class(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({'a': Attribute()}, 'weights.pth')
    with pytest.raises(CheckpointError, match='it holds .*eval, which'):
        read_checkpoint('weights.pth')
    assert not Path('harm').exists()


def test_urls_other_than_http_are_refused():
    with pytest.raises(CheckpointError, match='a file or an http.* URL'):
        read_checkpoint('s3://bucket/weights.pth')


def test_a_harmful_file_behind_a_url_is_refused(path, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: tmp_path / 'hub')

    def download(url, file, progress):
        Path(file).write_bytes(Path(path).read_bytes())

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    url = 'https://example.org/weights.pth'
    with pytest.raises(CheckpointError, match='refused'):
        CheckpointLoader.load_checkpoint(url, None)
    assert not Path('harm').exists()


def test_weights_of_another_model_raise_an_error(tmp_path):
    """Also with ``strict=False``, as the libraries load."""
    model = torch.nn.Module()
    model.backbone = HybridNet(ARCH, img_size=32)
    message = "not fit HybridNet at 'backbone.': none of its tensors has"
    torch.save({'layer1.0.weight': torch.zeros(1)}, tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match=message):
        mmengine.runner.load_checkpoint(model, str(tmp_path / 'other.pth'))
    with pytest.raises(CheckpointError, match="at 'the top'"):
        model.backbone.load_state_dict({'a': torch.zeros(1)}, strict=False)


def test_weights_of_another_arch_raise_an_error(tmp_path):
    """The names agree, the shapes differ."""
    model = torch.nn.Module()
    model.backbone = HybridNet(ARCH, img_size=32)
    other = HybridNet(ARCH | dict(embed_dims=32), img_size=32).state_dict()
    other = {f'backbone.{key}': value for key, value in other.items()}
    torch.save(other, tmp_path / 'other.pth')
    message = r"32 mismatched \(.* \(32, .*fit HybridNet at 'backbone.'"
    with pytest.raises(CheckpointError, match=message):
        mmengine.runner.load_checkpoint(model, str(tmp_path / 'other.pth'))
    # If only the image size differs, positions are resampled.
    larger = HybridNet(ARCH, img_size=48).state_dict()
    larger = {f'backbone.{key}': value for key, value in larger.items()}
    model.load_state_dict(larger, strict=False)
    norm = model.backbone.norm.weight
    assert torch.equal(norm, larger['backbone.norm.weight'])
