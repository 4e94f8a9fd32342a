import os

import pytest
import torch
from mmengine.config import Config

from mmmap import cli
from mmmap.checkpoints import CheckpointError, read_checkpoint
from mmmap.engine import launch


def read(*arguments):
    return launch.read_config(cli.runner_parser('').parse_args(arguments))


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / 'some_model.py'
    path.write_text("model = dict(depth=1)\nwork_dir = 'from_config'\n")
    return str(path)


def test_options_go_before_the_config(config_file):
    config = read(config_file, '--cfg-options', 'model.depth=4')
    assert config.model.depth == 4
    assert config.work_dir == 'from_config'
    assert config.launcher == 'none'
    assert read(config_file, '--work-dir', 'x').work_dir == 'x'


def test_work_dir_by_default(tmp_path):
    path = tmp_path / 'some_model.py'
    path.write_text('model = dict(depth=1)\n')
    assert read(str(path)).work_dir == 'work_dirs/some_model'


def test_no_config():
    with pytest.raises(FileNotFoundError, match='no config at nowhere.py'):
        read('nowhere.py')


def test_a_config_that_is_not_python(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text('model = dict(\n')
    expected = 'mine.py, or what it inherits, is not a config: .* line 1'
    with pytest.raises(ValueError, match=expected):
        read(str(path))


def test_synchronised_norms_become_plain_ones_everywhere():
    model = Config(
        dict(
            backbone=dict(norm_cfg=dict(type='SyncBN', eps=1e-3)),
            heads=[
                dict(norm_cfg=dict(type='SyncBN')),
                dict(norm_cfg=dict(type='LN'), convs=(dict(type='SyncBN'),)),
            ],
            name='SyncBN',
        )
    )
    assert launch.replace_sync_bn(model._cfg_dict) == 3
    assert model.backbone.norm_cfg == dict(type='BN', eps=1e-3)
    assert model.heads[0].norm_cfg.type == 'BN'
    assert model.heads[1].norm_cfg.type == 'LN'
    assert model.heads[1].convs[0].type == 'BN'
    assert model.name == 'SyncBN'


def test_sync_bn_of_mmengine_is_taken_back_without_a_gpu(monkeypatch, capsys):
    """Contrastive pretraining has plain BN, which mmengine converts."""
    formed = []
    monkeypatch.setattr(torch.distributed, 'init_process_group', formed.append)
    config = Config(dict(model=dict(norm='BN1d'), sync_bn='torch'))
    launch._distribute_on_cpu(config)
    assert formed == ['gloo']
    assert config.sync_bn is None
    assert 'no GPU: 1 SyncBN settings became BN' in capsys.readouterr().out


def test_mixed_precision_without_a_gpu():
    config = Config(
        dict(
            optim_wrapper=dict(
                type='AmpOptimWrapper', dtype='float16', loss_scale=512.0
            )
        )
    )
    launch._amp_on_cpu(config)
    assert config.optim_wrapper == dict(type='CPUAmpOptimWrapper')
    model = torch.nn.Linear(2, 2)
    wrapper = launch.CPUAmpOptimWrapper(
        torch.optim.SGD(model.parameters(), lr=1.0)
    )
    with wrapper.optim_context(model):
        out = model(torch.ones(1, 2))
    assert out.dtype == torch.bfloat16
    before = model.bias.detach().clone()
    wrapper.update_params(out.float().sum())
    assert torch.equal(model.bias.detach(), before - 1)


def test_check_file(tmp_path):
    path = tmp_path / 'epoch_1.pth'
    with pytest.raises(CheckpointError, match=f'no checkpoint at {path}'):
        launch.check_file(str(path))
    torch.save(dict(a=torch.zeros(1000)), path)
    launch.check_file(str(path))
    whole = path.read_bytes()
    for size in (0, 2, 100, len(whole) - 40):
        path.write_bytes(whole[:size])
        with pytest.raises(
            CheckpointError, match=f'truncated .{size:,} bytes'
        ):
            launch.check_file(str(path))
    launch.check_file('https://example.org/is_not_looked_at.pth')


def test_the_last_checkpoint_is_the_newest_that_is_whole(tmp_path):
    for age, name in enumerate(('epoch_9', 'epoch_10', 'epoch_8')):
        path = tmp_path / f'{name}.pth'
        torch.save({'state_dict': {}}, path)
        os.utime(path, (1000 - age, 1000 - age))
    assert launch.last_checkpoint(tmp_path) == str(tmp_path / 'epoch_9.pth')
    (tmp_path / 'epoch_9.pth').write_bytes(b'PK')
    assert launch.last_checkpoint(tmp_path) == str(tmp_path / 'epoch_10.pth')
    # The note of mmengine goes before the times of files.
    note = tmp_path / 'last_checkpoint'
    note.write_text(str(tmp_path / 'epoch_8.pth'))
    assert launch.last_checkpoint(tmp_path) == str(tmp_path / 'epoch_8.pth')


def test_a_wrong_bit_anywhere_never_ends_a_resume(tmp_path, capsys):
    """The older checkpoint is taken, or nothing of the newer one is lost."""
    whole = dict(state_dict=dict(a=torch.arange(9.0)), meta=dict(epoch=2))
    old, new = tmp_path / 'epoch_1.pth', tmp_path / 'epoch_2.pth'
    torch.save(whole, old)
    torch.save(whole, new)
    content = new.read_bytes()
    taken = set()
    for place in range(0, 8 * len(content), 37):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        new.write_bytes(damaged)
        os.utime(old, (1000, 1000))
        path = launch.last_checkpoint(tmp_path)
        taken.add(path)
        found = read_checkpoint(path)
        assert found['state_dict']['a'].equal(whole['state_dict']['a'])
        assert found['meta'] == whole['meta']
    assert taken == {str(old), str(new)}
    assert (
        'note: skipped, cannot read the checkpoint' in capsys.readouterr().out
    )
