import resource

import cv2
import numpy as np
import pytest

from mmmap.inference.outputs import FolderWriter, new_folder


def test_a_folder_appears_when_all_is_done(tmp_path):
    path = tmp_path / 'new' / 'out'
    with new_folder(path) as part:
        (part / 'x').write_text('x')
        assert not path.exists()
    assert [p.name for p in path.parent.iterdir()] == ['out']
    assert (path / 'x').read_text() == 'x'


def test_nothing_is_left_of_what_wrote_nothing(tmp_path):
    path = tmp_path / 'new' / 'out'
    with pytest.raises(KeyboardInterrupt), new_folder(path):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_what_was_predicted_before_an_error_stays(tmp_path, capsys):
    path = tmp_path / 'new' / 'out'
    with pytest.raises(KeyboardInterrupt), new_folder(path) as part:
        (part / 'x').write_text('x')
        raise KeyboardInterrupt
    assert [p.name for p in path.parent.iterdir()] == ['out']
    assert (path / 'x').read_text() == 'x'
    assert f'so far are in {path}\n' in capsys.readouterr().err


def test_half_of_a_line_is_not_kept(tmp_path):
    writer = FolderWriter(tmp_path)
    writer.prediction('first', dict(label=1))
    whole = (tmp_path / 'predictions.jsonl').read_text()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 9, limit[1]))
    try:
        with pytest.raises(OSError):
            writer.prediction('second', dict(label=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert (tmp_path / 'predictions.jsonl').read_text() == whole


def test_what_exists_is_kept_by_default(tmp_path):
    path = tmp_path / 'out'
    path.mkdir()
    (path / 'predictions.jsonl').write_text('mine')
    with pytest.raises(FileExistsError, match='--overwrite'), new_folder(path):
        pass
    with pytest.raises(OSError), new_folder(path, overwrite=True) as part:
        (part / 'x').write_text('half of it')
        raise OSError
    assert (part / 'x').read_text() == 'half of it'
    assert (path / 'predictions.jsonl').read_text() == 'mine'
    with new_folder(path, overwrite=True) as part:
        (part / 'x').write_text('x')
    assert [p.name for p in path.iterdir()] == ['x']
    inside = path / 'x'
    with pytest.raises(FileExistsError, match='a file'), new_folder(inside):
        pass


@pytest.mark.parametrize('name', ['photo.jpg', 'drive.mp4', 'pictures'])
def test_nothing_but_predictions_is_ever_replaced(tmp_path, name, monkeypatch):
    path = tmp_path / 'photos'
    (path / 'class_maps').mkdir(parents=True)
    (path / name).write_text('mine')
    monkeypatch.chdir(path)
    for out in (path, '.'):
        writing = new_folder(out, overwrite=True, source=path / name)
        message = f'photos holds {name}, which --overwrite would delete'
        with pytest.raises(FileExistsError, match=message), writing:
            pass
    assert (path / name).read_text() == 'mine'


@pytest.mark.parametrize(('most', 'dtype'), [(255, 'uint8'), (256, 'uint16')])
def test_class_maps_hold_every_label(tmp_path, most, dtype):
    labels = np.array([[0, 1], [2, most]])
    FolderWriter(tmp_path).prediction('a', dict(class_map=labels))
    written = cv2.imread(str(tmp_path / 'class_maps/a.png'), -1)
    np.testing.assert_array_equal(written, labels.astype(dtype))
    assert written.dtype == dtype
