"""Wrong configs and checkpoints end a tool with an error that says so."""

from pathlib import Path

import pytest
import torch

from mmmap.models.backbones import HybridNet
from tests.checkpoints.harmful import COMMAND, harmful
from tests.tools.conftest import call
from tests.tools.tiny_configs import upernet_config

pytestmark = pytest.mark.slow


def test_a_config_that_is_not_there(refused):
    error = refused('train.py', 'configs/demo/nothing.py')
    assert 'no config at configs/demo/nothing.py' in error


@pytest.mark.parametrize(
    ('setting', 'expected'),
    [
        ('model.backbone.nonsense=3', "unexpected keyword argument 'nonsense"),
        ('model.backbone.type=Nobody', 'Nobody is not in the mm'),
        (
            'model.backbone.arch=giant',
            "unknown arch 'giant'; choose one of t, tiny, s, small",
        ),
        (
            'train_dataloader.batch_size=32',
            '20 training images cannot feed 1 process with batches of 32',
        ),
    ],
)
def test_settings_that_cannot_be(refused, pretrained, setting, expected):
    error = refused('train.py', pretrained.config, settings=[setting])
    assert expected in error


def test_a_backend_that_cannot_run(refused, pretrained, monkeypatch):
    monkeypatch.setenv('MMMAP_SCAN_BACKEND', 'mamba_ssm')
    expected = "asks for backend 'mamba_ssm', which cannot run: "
    assert expected in refused('train.py', pretrained.config)


def test_batch_normalisation_of_a_single_value(refused, digits, tmp_path):
    config = upernet_config(tmp_path / 'upernet.py')
    run = ('train.py', config, '--data-root', digits / 'ade_like')
    error = refused(*run, settings=['train_dataloader.batch_size=1'])
    assert 'set train_dataloader.batch_size to at least 2' in error


def test_the_traceback_is_shown_on_request(pretrained, tmp_path, capfd):
    run = ('train.py', pretrained.config, '--work-dir', tmp_path)
    ratio = ('--cfg-options', 'model.masking.ratio=0')
    assert call(*run, '--traceback', *ratio) == 1
    before, _, error = capfd.readouterr().err.rpartition('\nerror: ')
    assert 'Traceback (most recent call last)' in before
    assert error.startswith('mask ratio must lie between 0 and 1')


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_a_folder_where_a_file_is_expected(
    refused, segmentor, digits, tmp_path, tool
):
    data = ('--data-root', digits / 'ade_like')
    checkpoint = () if tool == 'train.py' else (segmentor.checkpoint,)
    error = refused(tool, tmp_path, *checkpoint, *data)
    assert f'{tmp_path} is a folder, expected a config file' in error
    if tool == 'train.py':
        run = (segmentor.config, '--resume', tmp_path, *data)
    else:
        run = (segmentor.config, tmp_path, *data)
    error = refused(tool, *run)
    assert f'{tmp_path} is a folder, expected a checkpoint file' in error


@pytest.fixture(scope='module')
def checkpoints(segmentor, tmp_path_factory):
    """Checkpoints that cannot be used, by what is wrong with them."""
    folder = tmp_path_factory.mktemp('checkpoints')
    arch = dict(embed_dims=32, pattern='MMMT', num_heads=2, d_state=4)
    other = HybridNet(arch, img_size=64, out_indices=(0, 1, 2, 3))
    other = {f'backbone.{k}': v for k, v in other.state_dict().items()}
    torch.save(dict(state_dict=other, meta={}), folder / 'other.pth')
    stranger = {'conv1.weight': torch.zeros(8, 3, 7, 7)}
    torch.save(dict(state_dict=stranger, meta={}), folder / 'stranger.pth')
    harmful(other, folder / 'harmful.pth')
    whole = segmentor.checkpoint.read_bytes()
    (folder / 'cut.pth').write_bytes(whole[: len(whole) // 2])
    return folder


# By checkpoint: the error of a backbone that takes its weights (the prefix is
# looked for first) and of a whole model.
UNUSABLE = {
    'other': ('does not fit HybridNet', 'does not fit EncoderDecoder'),
    'stranger': ('no weights under the prefix', '0 tensors matched'),
    'cut': ('truncated', 'truncated'),
    'harmful': ('it holds posix.system', 'it holds posix.system'),
    'absent': ('no checkpoint at', 'no checkpoint at'),
}


@pytest.mark.parametrize('name', UNUSABLE)
@pytest.mark.parametrize('way', ['init_cfg', 'load_from', 'resume', 'test'])
def test_a_checkpoint_that_cannot_be_used(
    refused, digits, checkpoints, tmp_path, name, way
):
    path = checkpoints / f'{name}.pth'
    init = path if way == 'init_cfg' else None
    config = upernet_config(tmp_path / 'upernet.py', init)
    data = ('--data-root', digits / 'ade_like')
    run, settings = {
        'init_cfg': (('train.py', config), ()),
        'load_from': (('train.py', config), [f'load_from={path}']),
        'resume': (('train.py', config, '--resume', path), ()),
        'test': (('test.py', config, path), ()),
    }[way]
    error = refused(*run, *data, settings=settings)
    assert str(path) in error
    assert UNUSABLE[name][way != 'init_cfg'] in error
    assert not Path(COMMAND.split()[1]).exists()
