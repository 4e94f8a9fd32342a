"""Predictions of a run: files, continued; arrays from Python."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

import mmmap
from mmmap.commands import predicting
from mmmap.commands.summaries import yolo_lines
from mmmap.datasets import tiff_rows
from mmmap.errors import InputError
from mmmap.inference.outputs import FolderWriter
from mmmap.inference.polygons import largest
from tests.commands import made
from tests.commands.conftest import call

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def roads(tmp_path_factory):
    """A segmentor that has learnt to distinguish red, blue and grey."""
    root = made.folder(tmp_path_factory.mktemp('roads'))
    folders = ('--images', root / 'photos', '--masks', root / 'masks')
    options = ('--epochs', '1', '--repeat', '40', '--batch', '8')
    sizes = ('--patch', '8', '--out', root / 'run')
    assert call('segment', *folders, *options, *sizes) == 0
    return root


@pytest.fixture(scope='module')
def signs(tmp_path_factory):
    """A detector after two steps: what it finds is by chance."""
    root = made.coco(tmp_path_factory.mktemp('signs'))
    given = ('--images', root / 'photos', '--coco', root / 'boxes.json')
    options = ('--epochs', '1', '--repeat', '1', '--batch', '4')
    assert call('detect', *given, *options, '--out', root / 'run') == 0
    return root


def truth(root, name):
    return np.asarray(Image.open(root / f'masks/{name}.png'))


def test_files_of_a_folder(roads, tmp_path):
    out = tmp_path / 'predicted'
    assert call('predict', roads / 'run', roads / 'photos', '--out', out) == 0
    names = [p.stem for p in sorted((roads / 'photos').iterdir())]
    right = []
    for name in names:
        labels = np.asarray(Image.open(out / f'class_maps/{name}.png'))
        right.append((labels == truth(roads, name)).mean())
        picture = cv2.imread(str(out / f'pictures/{name}.png'))
        assert picture.shape == (48, 64, 3)
    assert np.mean(right) > 0.8
    named = (out / 'classes.txt').read_text().splitlines()
    assert named == ['class 0', 'class 1', 'class 2']
    with open(out / 'predictions.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert {row['image'] for row in rows} == set(names)
    first = [float(r['share']) for r in rows if r['image'] == names[0]]
    assert sum(first) == pytest.approx(1, abs=1e-5)


def test_a_stopped_prediction_continues(roads, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'predicted'
    write, written = FolderWriter.prediction, []

    def stopped(writer, name, prediction):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(name)
        write(writer, name, prediction)

    monkeypatch.setattr(FolderWriter, 'prediction', stopped)
    command = ('predict', roads / 'run', roads / 'photos', '--out', out)
    assert call(*command) == 130
    monkeypatch.undo()
    with open(out / 'predictions.jsonl', 'a') as file:
        file.write('{"image": "torn')
    before = {p: p.stat().st_mtime_ns for p in out.glob('class_maps/*')}
    capsys.readouterr()
    assert call(*command) == 0
    assert '3 images are done already' in capsys.readouterr().out
    lines = (out / 'predictions.jsonl').read_text().splitlines()
    assert len({json.loads(line)['image'] for line in lines}) == 12
    assert len(lines) == 12
    done = {p for p in before if p.stem in written}
    assert len(done) == 3
    assert all(p.stat().st_mtime_ns == before[p] for p in done)


def test_other_predictions_are_kept(roads, tmp_path, capsys):
    out = tmp_path / 'predicted'
    command = ('predict', roads / 'run', roads / 'photos', '--out', out)
    assert call(*command) == 0
    assert call(*command, '--tile', '32') == 1
    output = capsys.readouterr().err
    assert 'options (tile was None, is 32); name another folder' in output
    (out / 'predict.json').unlink()
    assert call(*command) == 1
    assert 'holds no predictions' in capsys.readouterr().err


def test_a_bad_file_does_not_stop_the_others(roads, tmp_path, capsys):
    image, _ = made.scene(50)
    made.save(tmp_path / 'in/deep/good one.png', image)
    (tmp_path / 'in/bad.jpg').write_bytes(b'no image')
    out = tmp_path / 'out'
    assert call('predict', roads / 'run', tmp_path / 'in', '--out', out) == 1
    assert '1 of 2 images cannot be used' in capsys.readouterr().err
    assert (out / 'class_maps/deep/good one.png').is_file()


def test_arrays_from_python(roads):
    image, labels = made.scene(3)
    (result,) = mmmap.predict(roads / 'run', image)
    assert result['class_map'].shape == labels.shape
    assert (result['class_map'] == labels).mean() > 0.8
    with pytest.raises(InputError, match='type Image, expected a path'):
        mmmap.predict(roads / 'run', Image.fromarray(image))
    files = [roads / 'photos/Straße a süd.jpg', str(roads / 'photos')]
    assert len(mmmap.predict(roads / 'run', files)) == 13


def test_tiles_tell_what_the_whole_tells(roads):
    parts = [made.scene(k) for k in range(6)]
    images, maps = zip(*parts)
    image = np.concatenate(
        [np.concatenate(images[k : k + 3], 1) for k in (0, 3)]
    )
    labels = np.concatenate(
        [np.concatenate(maps[k : k + 3], 1) for k in (0, 3)]
    )
    (result,) = mmmap.predict(roads / 'run', image, tile=48, overlap=16)
    assert result['class_map'].shape == (96, 192)
    assert (result['class_map'] == labels).mean() > 0.8


def test_exif_orientation_is_followed(roads, tmp_path):
    image, labels = made.scene(7)
    # Stored turned; the tag says how to turn it back.
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.rot90(image, 1)
    made.save(tmp_path / 'in/turned.jpg', stored, exif=exif, quality=95)
    out = tmp_path / 'out'
    assert call('predict', roads / 'run', tmp_path / 'in', '--out', out) == 0
    found = np.asarray(Image.open(out / 'class_maps/turned.png'))
    assert found.shape == labels.shape
    assert (found == labels).mean() > 0.8


def test_no_object_is_above_the_limit(signs, tmp_path, capsys):
    command = ('predict', signs / 'run', signs / 'photos')
    assert (
        call(*command, '--out', tmp_path / 'out', '--min-score', '0.999') == 0
    )
    assert 'no object has a score above 0.999;' in capsys.readouterr().out


def test_boxes_as_coco_and_csv(signs, tmp_path):
    out = tmp_path / 'out'
    command = ('predict', signs / 'run', signs / 'photos', '--out', out)
    assert call(*command, '--min-score', '0.05') == 0
    content = json.loads((out / 'coco.json').read_text())
    assert [c['name'] for c in content['categories']] == ['red', 'blue']
    names = [image['file_name'] for image in content['images']]
    assert sorted(names) == sorted(f'{k}.png' for k in range(12))
    with open(out / 'predictions.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(content['annotations']) > 0
    for row, annotation in zip(rows, content['annotations']):
        x, y, width, height = annotation['bbox']
        assert float(row['x2']) == pytest.approx(x + width, abs=0.01)
        assert float(row['y2']) == pytest.approx(y + height, abs=0.01)
        assert x >= 0 and x + width <= 64.01


def test_boxes_as_yolo_has_them(signs, tmp_path):
    out = tmp_path / 'out'
    command = ('predict', signs / 'run', signs / 'photos', '--out', out)
    assert call(*command, '--min-score', '0.05') == 0
    assert (out / 'classes.txt').read_text() == 'red\nblue\n'
    output = (out / 'predictions.jsonl').read_text().splitlines()
    lines = list(map(json.loads, output))
    assert len(list((out / 'labels').glob('*.txt'))) == 12
    for line in lines:
        output = (out / f'labels/{line["image"]}.txt').read_text().splitlines()
        assert len(output) == len(line['objects'])
        for text, one in zip(output, line['objects']):
            label, *place, score = map(float, text.split())
            assert label == one['label']
            assert score == pytest.approx(one['score'], abs=1e-6)
            assert all(0 <= share <= 1 for share in place)
            if one['polygons']:
                wanted = largest(one['polygons'])
                assert place[0] * 64 == pytest.approx(wanted[0], abs=1e-3)
                assert place[1] * 48 == pytest.approx(wanted[1], abs=1e-3)


def test_a_box_without_an_outline_is_centre_and_size():
    one = dict(bbox=[10, 20, 30, 60], label=3, score=0.5, polygons=[])
    assert yolo_lines([one], 100, 200) == [
        '3 0.200000 0.200000 0.200000 0.200000 0.500000'
    ]


def test_a_large_tiff_is_read_and_written_by_rows(
    roads, tmp_path, monkeypatch
):
    image = np.concatenate([made.scene(k)[0] for k in range(6)], 1)
    labels = np.concatenate([made.scene(k)[1] for k in range(6)], 1)
    (tmp_path / 'in').mkdir()
    tifffile.imwrite(
        tmp_path / 'in/a.tif', image, photometric='rgb', rowsperstrip=5
    )
    monkeypatch.setattr(tiff_rows, '_LARGE', 100)
    out = tmp_path / 'out'
    command = ('predict', roads / 'run', tmp_path / 'in', '--out', out)
    assert call(*command, '--tile', '48', '--overlap', '16') == 0
    found = np.asarray(Image.open(out / 'class_maps/a.png'))
    assert (found == labels).mean() > 0.8
    # As of pixels that are in memory.
    (result,) = mmmap.predict(roads / 'run', image, tile=48, overlap=16)
    assert (result['class_map'] == found).all()
    assert cv2.imread(str(out / 'pictures/a.png')).shape == image.shape


def test_small_images_at_once_are_as_one_by_one(roads, tmp_path, monkeypatch):
    maps = []
    for number in (16, 1):
        monkeypatch.setattr(predicting, '_AT_ONCE', number)
        out = tmp_path / f'{number}'
        command = ('predict', roads / 'run', roads / 'photos', '--out', out)
        assert call(*command) == 0
        files = sorted(out.glob('class_maps/*'))
        maps.append(np.stack([np.asarray(Image.open(f)) for f in files]))
    assert maps[0].shape == (12, 48, 64)
    assert (maps[0] != maps[1]).mean() < 1e-3  # ties apart


def test_a_pretraining_predicts_nothing(tmp_path, capsys):
    made.folder(tmp_path, 4)
    short = ('--epochs', '1', '--repeat', '1', '--batch', '4')
    run = tmp_path / 'run'
    assert call('pretrain', tmp_path / 'photos', '--out', run, *short) == 0
    out = ('--out', tmp_path / 'out')
    assert call('predict', run, tmp_path / 'photos', *out) == 1
    assert 'is for pretraining' in capsys.readouterr().err


def test_a_folder_without_a_run(tmp_path, capsys):
    assert call('predict', tmp_path, tmp_path, '--out', tmp_path / 'o') == 1
    assert 'has no config.py' in capsys.readouterr().err
    assert not Path(tmp_path / 'o').exists()
