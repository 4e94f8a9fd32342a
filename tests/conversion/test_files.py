import argparse
import os

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmmap.conversion import files
from mmmap.conversion.names import ConversionError


def test_written_whole_and_read_back(tmp_path):
    path = tmp_path / 'new' / 'weights.pth'
    files.write(path, {'a': torch.arange(3)})
    assert files.read(path)['a'].tolist() == [0, 1, 2]
    assert [p.name for p in path.parent.iterdir()] == ['weights.pth']
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_existing_file_is_kept_unless_told(tmp_path):
    path = tmp_path / 'weights.pth'
    path.write_text('mine')
    with pytest.raises(ConversionError, match='exists.*--overwrite'):
        files.write(path, {})
    assert path.read_text() == 'mine'
    files.write(path, {'a': 1}, overwrite=True)
    assert files.read(path) == {'a': 1}


def test_nothing_is_left_of_what_fails(tmp_path, monkeypatch):
    path = tmp_path / 'weights.pth'
    path.write_text('mine')

    def half(content, target):
        with open(target, 'w') as file:
            file.write('half')
        raise OSError('disk full')

    monkeypatch.setattr(torch, 'save', half)
    with pytest.raises(ConversionError, match='cannot write.*disk full'):
        files.write(path, {}, overwrite=True)
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
    read = files.read(path)
    assert read['args'].lr == 1.0
    logged = read['message_hub']['loss']
    assert logged._log_history.tolist() == [1.0, 2.0]
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
    message = 'cannot read weights.pth.*unsupported GLOBAL posix.system'
    with pytest.raises(ConversionError, match=message):
        files.read('weights.pth')
    assert not (tmp_path / 'harm').exists()


def test_what_cannot_be_read(tmp_path):
    path = tmp_path / 'weights.pth'
    with pytest.raises(ConversionError, match='there is no file'):
        files.read(path)
    torch.save({'a': torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ConversionError, match='cannot read.*truncated'):
        files.read(path)
    torch.save([1], path)
    with pytest.raises(ConversionError, match='holds a list, expected a dict'):
        files.read(path)
