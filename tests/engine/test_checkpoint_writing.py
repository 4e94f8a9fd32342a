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
