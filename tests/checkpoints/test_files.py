import argparse
import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmmap.checkpoints import (
    CheckpointError,
    read_checkpoint,
    write_checkpoint,
)
from mmmap.checkpoints.fit import weights_of


def test_written_whole_and_read_back(tmp_path):
    path = tmp_path / 'new' / 'weights.pth'
    write_checkpoint(path, {'a': torch.arange(3)})
    assert read_checkpoint(path)['a'].tolist() == [0, 1, 2]
    assert [p.name for p in path.parent.iterdir()] == ['weights.pth']
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_existing_file_is_kept_by_default(tmp_path):
    path = tmp_path / 'weights.pth'
    path.write_text('mine')
    with pytest.raises(CheckpointError, match='exists.*--overwrite'):
        write_checkpoint(path, {})
    assert path.read_text() == 'mine'
    write_checkpoint(path, {'a': 1}, overwrite=True)
    assert read_checkpoint(path) == {'a': 1}


def test_equal_content_is_an_equal_file(tmp_path):
    content = {'state_dict': {'a': torch.ones(2)}}
    written = [write_checkpoint(tmp_path / f'{n}.pth', content) for n in 'ab']
    first, second = (path.read_bytes() for path in written)
    assert first == second


def test_nothing_is_left_of_what_fails(tmp_path, monkeypatch):
    path = tmp_path / 'weights.pth'
    path.write_text('mine')

    def half(content, file):
        file.write(b'half')
        raise OSError('disk full')

    monkeypatch.setattr(torch, 'save', half)
    with pytest.raises(CheckpointError, match='cannot write.*disk full'):
        write_checkpoint(path, {}, overwrite=True)
    assert path.read_text() == 'mine'
    assert list(tmp_path.iterdir()) == [path]


def test_what_training_codes_store_beside_weights(tmp_path):
    path = tmp_path / 'weights.pth'
    content = dict(
        args=argparse.Namespace(lr=1.0),
        message_hub=dict(loss=HistoryBuffer([1.0, 2.0], [1, 1])),
        number=np.float64(2.5),
        count=np.int64(3),
        array=np.arange(3),
        a=torch.ones(1),
    )
    torch.save(content, path)
    read = read_checkpoint(path)
    assert read['args'].lr == 1.0
    logged = read['message_hub']['loss']
    assert type(logged) is HistoryBuffer
    assert logged.data[0].tolist() == [1.0, 2.0]
    # Loading did not change the class of it for everybody.
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    assert buffer.statistics('mean') == 1.5
    assert (read['number'], read['count']) == (2.5, 3)


class Harmful:
    def __reduce__(self):
        return os.system, ('touch harm',)


def test_no_code_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({'a': Harmful()}, 'weights.pth')
    message = 'refused the checkpoint weights.pth: it holds posix.system'
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint('weights.pth')
    assert not (tmp_path / 'harm').exists()


def test_what_cannot_be_read(tmp_path):
    path = tmp_path / 'weights.pth'
    with pytest.raises(CheckpointError, match='no checkpoint at'):
        read_checkpoint(path)
    torch.save({'a': torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(CheckpointError, match='cannot read.*truncated'):
        read_checkpoint(path)
    torch.save([1], path)
    with pytest.raises(CheckpointError, match='holds a list, not a check'):
        read_checkpoint(path)


def test_files_of_others_are_named_for_what_they_are(tmp_path):
    path = tmp_path / 'weights.pth'
    path.write_bytes(pickle.dumps({'a': 1}, protocol=4))
    with pytest.raises(CheckpointError, match='perhaps a plain pickle'):
        read_checkpoint(path)
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + bytes(100))
    with pytest.raises(CheckpointError, match='not written by torch.save'):
        read_checkpoint(path)
    torch.jit.script(torch.nn.Linear(1, 1)).save(path)
    with pytest.raises(CheckpointError, match='TorchScript archive.*save its'):
        read_checkpoint(path)
    torch.save({}, path)
    with pytest.raises(CheckpointError, match='no weights; its keys are none'):
        weights_of(read_checkpoint(path), str(path))
    library = pytest.importorskip('safetensors.torch')
    library.save_file({'a': torch.ones(1)}, path)
    with pytest.raises(CheckpointError, match='rename it to end in .safet'):
        read_checkpoint(path)
