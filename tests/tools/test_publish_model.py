"""Weights to give away, from what training leaves."""

import hashlib
import os

import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.runner import Runner

from mmmap.checkpoints import read_checkpoint
from tests.engine.tiny_runner import tiny_runner
from tests.helpers import load_tool

publish = load_tool('publish_model.py').main


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A checkpoint with averaged weights, and the raw ones of its end."""
    folder = tmp_path_factory.mktemp('trained')
    ema = EMAHook(momentum=0.01)
    runner: Runner = tiny_runner(folder, [ema])
    runner.train()
    last = {k: v.clone() for k, v in runner.model.state_dict().items()}
    return folder / 'epoch_2.pth', last, ema.ema_model.module.state_dict()


def published(folder):
    (name,) = os.listdir(folder)
    return folder / name


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_stripped_and_named_by_its_hash(trained, tmp_path, suffix, capsys):
    if suffix == '.safetensors':
        pytest.importorskip('safetensors')
    source, _, averaged = trained
    assert {'optimizer', 'message_hub'} <= read_checkpoint(source).keys()
    assert publish([str(source), str(tmp_path / f'map{suffix}')]) == 0
    path = published(tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.name == f'map-{digest[:8]}{suffix}'
    assert str(path) in capsys.readouterr().out
    content = read_checkpoint(path)
    assert content.keys() == {'state_dict', 'meta'}
    assert content['meta']['weights'] == 'ema'
    assert content['meta']['epoch'] == 2
    torch.testing.assert_close(
        dict(content['state_dict']), dict(averaged), rtol=0, atol=0
    )
    # Nothing but what torch reads by itself.
    if suffix == '.pth':
        torch.load(path, weights_only=True)


@pytest.mark.parametrize('choice', ['ema', 'raw'])
def test_choice_of_weights(trained, tmp_path, choice):
    source, last, averaged = trained
    run = [str(source), str(tmp_path / 'map.pth'), '--weights', choice]
    assert publish(run) == 0
    content = read_checkpoint(published(tmp_path))
    assert content['meta']['weights'] == choice
    expected = dict(ema=averaged, raw=last)[choice]
    other = dict(ema=last, raw=averaged)[choice]
    assert content['state_dict'].keys() == expected.keys()
    assert all(
        torch.equal(v, expected[k]) for k, v in content['state_dict'].items()
    )
    assert not all(
        torch.equal(v, other[k]) for k, v in content['state_dict'].items()
    )


def test_there_is_no_average(tmp_path, capsys):
    source = tmp_path / 'epoch_1.pth'
    torch.save(dict(state_dict={'a': torch.ones(1)}), source)
    run = [str(source), str(tmp_path / 'out.pth')]
    assert publish([*run, '--weights', 'ema']) == 1
    assert 'trained without an EMAHook' in capsys.readouterr().err
    assert os.listdir(tmp_path) == ['epoch_1.pth']
    assert publish(run) == 0
    assert '1 tensors (raw)' in capsys.readouterr().out


def test_paths_of_the_machine_are_left_behind(tmp_path):
    source, target = tmp_path / 'in.pth', tmp_path / 'new/out.pth'
    config = (
        "model = dict(init_cfg=dict(checkpoint='/home/me/map.pth'))\n"
        "data = dict(root='/mnt/disk/ade/', ann='data/a.json', sep='/')\n"
        'work_dir = "/home/me/runs/1"\n'
        "url = 'https://example.org/a.pth'\n"
    )
    meta = dict(cfg=config)
    torch.save(dict(state_dict={'a': torch.ones(1)}, meta=meta), source)
    assert publish([str(source), str(target)]) == 0
    assert read_checkpoint(published(target.parent))['meta']['cfg'] == (
        "model = dict(init_cfg=dict(checkpoint='map.pth'))\n"
        "data = dict(root='ade', ann='data/a.json', sep='/')\n"
        'work_dir = "1"\n'
        "url = 'https://example.org/a.pth'\n"
    )


def test_an_existing_file_is_kept_by_default(trained, tmp_path, capsys):
    run = [str(trained[0]), str(tmp_path / 'map.pth')]
    assert publish(run) == 0
    assert publish(run) == 1
    error = capsys.readouterr().err
    assert 'exists; choose another name or pass --overwrite' in error
    assert publish([*run, '--overwrite']) == 0
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize(
    ('source', 'target', 'message'),
    [
        ('none.pth', 'out.pth', 'no checkpoint at none.pth'),
        ('cut.pth', 'out.pth', 'truncated'),
        ('empty.pth', 'out.pth', 'empty.pth holds no weights'),
        ('nan.pth', 'out.pth', '1 tensor of nan.pth with NaN (a): its'),
        ('empty.pth', 'out.zip', 'must end in .pth or .safetensors, got out'),
    ],
)
def test_bad_input(tmp_path, monkeypatch, capsys, source, target, message):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(epoch=1), 'empty.pth')
    torch.save(dict(a=torch.tensor(float('nan')), b=torch.ones(1)), 'nan.pth')
    whole = (tmp_path / 'empty.pth').read_bytes()
    (tmp_path / 'cut.pth').write_bytes(whole[:-30])
    before = sorted(os.listdir())
    assert publish([source, target]) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert message in error
    assert sorted(os.listdir()) == before
