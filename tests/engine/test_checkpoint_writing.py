"""What is left of a checkpoint that is written again, and interrupted."""

import pytest
import torch
from mmengine.fileio import LocalBackend, get_file_backend

from mmmap.checkpoints import read_checkpoint
from mmmap.openmmlab.checkpoint_writing import WholeFileBackend
from tests.engine.tiny_runner import tiny_runner


def test_interrupted(tmp_path, monkeypatch):
    assert type(get_file_backend('epoch_1.pth')) is WholeFileBackend
    runner = tiny_runner(tmp_path / 'run', epochs=1)
    runner.train()
    path = tmp_path / 'run/epoch_1.pth'
    whole = read_checkpoint(path)['state_dict']
    put = LocalBackend.put

    def half(self, obj, filepath):
        put(self, obj[: len(obj) // 2], filepath)
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalBackend, 'put', half)
    with pytest.raises(KeyboardInterrupt):
        runner.save_checkpoint(str(path.parent), path.name)
    torch.testing.assert_close(
        read_checkpoint(path)['state_dict'], whole, rtol=0, atol=0
    )
    assert not list(path.parent.glob('.*'))


def test_the_only_checkpoint_stays_until_the_next_is_written(
    tmp_path, monkeypatch
):
    hooks = dict(
        checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=1)
    )
    runner = tiny_runner(tmp_path / 'run', epochs=3, default_hooks=hooks)
    put, seen = LocalBackend.put, []

    def look(self, obj, filepath):
        seen.append(sorted(p.name for p in tmp_path.rglob('epoch_*.pth')))
        put(self, obj, filepath)

    monkeypatch.setattr(LocalBackend, 'put', look)
    runner.train()
    assert seen == [[], ['epoch_1.pth'], ['epoch_2.pth']]
    left = [path.name for path in tmp_path.rglob('epoch_*.pth')]
    assert left == ['epoch_3.pth']
