"""segmentation_errors.py against mmseg, coco_errors.py."""

import csv
import json

import cv2
import numpy as np
import pytest

from mmmap.errors import InputError
from tests.helpers import load_tool
from tests.tools.conftest import call, scalars


@pytest.fixture(scope='module')
def predicted(segmentor, digits, tmp_path_factory):
    """Class maps as mmseg's metric writes them."""
    folder = tmp_path_factory.mktemp('predicted')
    done = call(
        'test.py',
        *(segmentor.config, segmentor.checkpoint),
        *('--data-root', digits / 'ade_like', '--work-dir', folder / 'test'),
        *('--cfg-options', f'test_evaluator.output_dir={folder / "maps"}'),
    )
    assert done == 0
    return folder / 'maps'


def analyse(segmentor, digits, maps, out):
    tool = load_tool('analysis_tools/segmentation_errors.py')
    run = (segmentor.config, maps, '--out', out)
    run += ('--data-root', digits / 'ade_like')
    return tool.main([str(a) for a in run])


def test_as_mmseg_counts(segmentor, digits, predicted, tmp_path, capsys):
    assert analyse(segmentor, digits, predicted, tmp_path) == 0
    output = capsys.readouterr().out
    last = scalars(segmentor.work_dir, 'mIoU')[-1]
    assert f'mIoU {last["mIoU"]:.2f} on 4 images' in output
    with open(tmp_path / 'confusion.csv') as file:
        header, *rows = csv.reader(file)
    counts = np.array([row[1:] for row in rows], dtype=int)
    assert header[1:] == ['background', '0', '1', '2']
    accuracy = 100 * np.trace(counts) / counts.sum()
    assert accuracy == pytest.approx(last['aAcc'], abs=0.01)
    with open(tmp_path / 'images.csv') as file:
        scores = [float(row['mIoU']) for row in csv.DictReader(file)]
    assert scores == sorted(scores)
    assert len(scores) == 4
    for name in ('confusion.png', 'worst.png'):
        assert cv2.imread(str(tmp_path / name)) is not None


def test_tables_are_in_percent(tmp_path):
    tool = load_tool('analysis_tools/segmentation_errors.py')
    judged = [tool.Judged('a.png', 0.125, None, {})]
    counts = np.array([[3, 1], [0, 2]])
    tool.write_tables(counts, judged, ['road', 'sky'], tmp_path)
    with open(tmp_path / 'images.csv') as file:
        assert list(csv.reader(file)) == [
            ['image', 'mIoU'],
            ['a.png', '12.50'],
        ]
    with open(tmp_path / 'confusion.csv') as file:
        assert list(csv.reader(file))[1:] == [
            ['road', '3', '1'],
            ['sky', '0', '2'],
        ]


def test_maps_of_another_tool(segmentor, digits, predicted, tmp_path, capsys):
    """tools/infer.py counts classes from 0."""
    maps, out = tmp_path / 'maps', tmp_path / 'out'
    maps.mkdir()
    for path in predicted.iterdir():
        labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(maps / path.name), labels - labels.min())
    assert analyse(segmentor, digits, maps, out) == 1
    assert 'has class 0, but mmseg counts from 1' in capsys.readouterr().err
    assert analyse(segmentor, digits, tmp_path / 'no', out) == 1
    assert 'test_evaluator.output_dir=DIR' in capsys.readouterr().err
    assert not out.exists()


def test_images_of_one_name():
    """mmseg writes one class map for both."""
    tool = load_tool('analysis_tools/segmentation_errors.py')
    paths = ['a/1.png', 'b/1.png', 'b/2.png']

    class Dataset(list):
        def get_data_info(self, index):
            return dict(img_path=self[index])

    with pytest.raises(InputError, match='2 images are named 1, and mmseg'):
        tool.refuse_shared_names(Dataset(paths))
    tool.refuse_shared_names(Dataset(paths[1:]))


def test_kinds_of_errors_of_a_detector(digits, tmp_path, capsys):
    truth = next(digits.glob('coco_like/annotations/*val*.json'))
    content = json.loads(truth.read_text())
    found = [
        dict(
            image_id=a['image_id'],
            category_id=a['category_id'],
            bbox=a['bbox'],
            score=0.5,
        )
        for a in content['annotations']
    ]
    results = tmp_path / 'results.json'
    results.write_text(json.dumps(found))
    tool = load_tool('analysis_tools/coco_errors.py')
    run = (str(results), str(truth), '--out', str(tmp_path / 'out'))
    assert tool.main(run) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.split()[:2] == ['C75', '100.00']
    with open(tmp_path / 'out/errors.csv') as file:
        rows = list(csv.DictReader(file))
    names = {c['id']: c['name'] for c in content['categories']}
    used = {names[a['category_id']] for a in content['annotations']}
    assert {row['class'] for row in rows} == used
    assert {row['C75'] for row in rows} == {'100.00'}
    results.write_text('[]')
    assert tool.main(run) == 1
    assert 'holds no detections' in capsys.readouterr().err
    results.write_text('no JSON')
    assert tool.main(run) == 1
    error = capsys.readouterr().err
    assert f'{results} holds no detections' in error
    assert 'JSONDecodeError' in error
