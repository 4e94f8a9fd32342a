"""Published weights by name: found, converted, checked, remembered."""

import json
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS

import mmmap  # noqa: F401  registers the models
from mmmap.commands.choices import ARCHS
from mmmap.commands.published import NAMES, split_name
from mmmap.conversion import official_mamba_vision, official_map
from mmmap.models.backbones import HybridNet, MambaVision
from tests.commands import made
from tests.commands.conftest import call

pytestmark = pytest.mark.slow
SHORT = ('--epochs', '1', '--repeat', '1', '--batch', '4', '--edge', '64')


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Fewer and narrower blocks under the published names, small heads."""
    archs = MambaVision.arch_zoo
    sizes = dict(embed_dims=8, stem_dims=8, depths=(1, 1, 2, 2))
    monkeypatch.setitem(
        archs, 'tiny', archs['tiny'] | sizes | dict(num_heads=(2, 4))
    )
    for name in ('tiny', 'small'):
        arch = HybridNet.arch_zoo[name] | dict(mamba_depth=3)
        monkeypatch.setitem(HybridNet.arch_zoo, name, arch)
    monkeypatch.setitem(ARCHS, 'tiny', ARCHS['tiny'] | dict(heads=32))


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """The folder where files are kept."""
    monkeypatch.setenv('MMMAP_WEIGHTS', str(tmp_path / 'weights'))
    return tmp_path / 'weights'


def official(path, arch='tiny', value=None):
    """Random weights of MAP in the published form."""
    init_default_scope('mmpretrain')
    model = MODELS.build(
        dict(
            type='MAP',
            backbone=dict(type='HybridNet', arch=arch, out_type='raw'),
            masking=dict(type='RandomMasking', ratio=0.5),
            decoder=dict(
                type='MaskedDecoder', in_channels=dict(
                    tiny=192, small=384)[arch], grid=14,
                embed_dims=64, depth=1, num_heads=4, attention='rows',
            ),
            target_generator=dict(type='PixelTarget', norm_pix=True),
            head=dict(type='PixelHead', in_channels=64),
        )
    )  # fmt: skip
    state = model.state_dict()
    if value is not None:
        state['backbone.patch_embed.proj.bias'].fill_(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(model=official_map.to_official(state)), path)
    return path


def classify(root, start, out):
    made.classes(root / 'kinds', 4)
    folders = (root / 'kinds', '--out', root / out)
    return call('classify', *folders, '--start', start, *SHORT)


def test_names():
    assert split_name('map-base') == ('map-base', None)
    assert split_name('map-base=a=b.pth') == ('map-base', 'a=b.pth')
    assert split_name('runs/map-base') is None
    assert all(one.origin for one in NAMES.values())


def test_map_from_a_file_and_by_name_again(tmp_path, weights, capsys):
    file = official(tmp_path / 'from the share.pth', value=7.0)
    assert classify(tmp_path, f'map-tiny={file}', 'run') == 0
    output = capsys.readouterr().out
    digest = re.search(r'SHA-256 ([0-9a-f]{64})', output)[1]
    kept = json.loads((weights / 'hashes.json').read_text())
    assert kept == {'map-tiny': digest}
    config = Config.fromfile(tmp_path / 'run/config.py')
    assert config.model.backbone.arch == 'tiny'
    assert config.model.backbone.pos_embed == 'normal'
    checkpoint = config.model.backbone.init_cfg.checkpoint
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    assert (state['backbone.patch_embed.proj.bias'] == 7).all()
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert re.search(r'loaded .*map-tiny-\w{8}.pth', log.read_text())
    # The name alone, from now on; another file is refused.
    file.unlink()
    assert classify(tmp_path, 'map-tiny', 'again') == 0
    other = official(tmp_path / 'other.pth', value=8.0)
    assert classify(tmp_path, f'map-tiny={other}', 'other') == 1
    assert 'the first file of map-tiny' in capsys.readouterr().err
    assert not (tmp_path / 'other').exists()


def test_a_file_in_the_named_place(tmp_path, weights):
    official(weights / 'map-tiny.pth')
    assert classify(tmp_path, 'map-tiny', 'run') == 0


def test_no_file_says_where_it_is(tmp_path, weights, capsys):
    assert classify(tmp_path, 'mambavision-base', 'run') == 1
    output = capsys.readouterr().err
    assert 'https://huggingface.co/nvidia/MambaVision-B-1K' in output
    assert '--start mambavision-base=FILE' in output
    assert str(weights) in output


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (dict(model={'a.weight': torch.ones(2)}), 'is not map-tiny: expected'),
        ('small', r'is \(256, 384\)|is \(\d+, .*expected'),
    ],
)
def test_a_wrong_file(tmp_path, weights, capsys, content, message):
    file = tmp_path / 'wrong.pth'
    if content == 'small':
        official(file, 'small')
    else:
        torch.save(content, file)
    assert classify(tmp_path, f'map-tiny={file}', 'run') == 1
    output = capsys.readouterr().err
    assert re.search(message, output)
    assert 'Expected the checkpoints that the README' in output
    assert not (weights / 'hashes.json').exists()


@pytest.mark.parametrize('task', ['classify', 'segment', 'detect'])
def test_mamba_vision(tmp_path, weights, task):
    init_default_scope('mmpretrain')
    model = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='MambaVision', arch='tiny', out_type='avg_featmap'
            ),
            head=dict(type='LinearClsHead', num_classes=9, in_channels=64),
        )
    )
    state = official_mamba_vision.to_official(model.state_dict())
    file = tmp_path / 'mambavision_tiny_1k.pth.tar'
    torch.save(dict(state_dict=state), file)
    start = ('--start', f'mambavision-tiny={file}', *SHORT)
    make = dict(classify=made.classes, segment=made.folder, detect=made.coco)
    make[task](tmp_path / 'data', 6)
    photos = ('--images', tmp_path / 'data/photos')
    data = dict(
        classify=(tmp_path / 'data',),
        segment=(*photos, '--masks', tmp_path / 'data/masks'),
        detect=(*photos, '--coco', tmp_path / 'data/boxes.json'),
    )
    run = tmp_path / 'run'
    assert call(task, *data[task], '--out', run, *start) == 0
    model = Config.fromfile(run / 'config.py').model
    assert model.backbone.type.endswith('MambaVision')
