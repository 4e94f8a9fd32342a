"""The look at a config's data, from the command line."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from mmmap.visualization import data_page
from mmmap.visualization.palettes import distinct_colours
from tests.datasets.checks.made import (
    classification,
    detection,
    noise,
    save,
    segmentation,
)
from tests.helpers import load_tool


def written(config, folder):
    """A config as a file."""
    path = folder / 'config.py'
    config.dump(path)
    return path


def run(capsys, *arguments):
    """Status and output."""
    try:
        status = load_tool('check_data.py').main([str(a) for a in arguments])
    except SystemExit as end:
        status = end.code
    output = capsys.readouterr()
    return status, output.out + output.err


def test_all_well(tmp_path, capsys):
    path = written(segmentation(tmp_path), tmp_path)
    status, output = run(capsys, path)
    assert status == 0
    assert (
        f'train: BaseSegDataset in {tmp_path} (images/train, maps/' in output
    )
    assert '4 images, 4 opened' in output
    lines = output.splitlines()
    assert lines[-1] == 'All well.'
    row = next(line for line in lines if line.split()[:1] == ['a'])
    assert row.split() == ['a', '2,048', '50.00%']


def test_a_test_that_is_the_validation_is_reported_once(tmp_path, capsys):
    config = segmentation(tmp_path)
    config.test_dataloader = config.val_dataloader
    config.test_evaluator = config.val_evaluator
    _, output = run(capsys, written(config, tmp_path))
    assert output.count(': BaseSegDataset in') == 2


def test_errors_and_warnings_apart(tmp_path, capsys):
    config = segmentation(tmp_path)
    config.model.auxiliary_head.num_classes = 150
    save(tmp_path / 'images/train/x.bmp', noise(9))
    status, output = run(capsys, written(config, tmp_path))
    assert status == 1
    warnings, errors = output.index('1 warning:\n'), output.index('1 error:\n')
    assert warnings < output.index('1 image is not used') < errors
    assert output.index('config: model.auxiliary_head.num_classes') > errors


@pytest.mark.parametrize(('strict', 'status'), [((), 0), (('--strict',), 1)])
def test_warnings_count_if_strict(tmp_path, capsys, strict, status):
    save(tmp_path / 'images/train/x.bmp', noise(9))
    path = written(segmentation(tmp_path), tmp_path)
    assert run(capsys, path, *strict)[0] == status


def test_the_report_for_machines(tmp_path, capsys):
    config = detection(tmp_path, classes=('blue', 'red'))
    out = tmp_path / 'new/report.json'
    path = written(config, tmp_path)
    assert run(capsys, path, '--json', out)[0] == 1
    content = json.loads(out.read_text())
    assert (content['errors'], content['warnings']) == (2, 0)
    assert [r['split'] for r in content['reports']] == ['', 'train', 'val']
    finding = content['reports'][1]['findings'][0]
    assert finding['severity'] == 'error'
    assert finding['where'] == 'train_dataloader.dataset.metainfo.classes'
    assert finding['do'] == "write classes=('red', 'blue')"


MAKE = {
    'mmdet': detection,
    'mmseg': segmentation,
    'mmpretrain': classification,
}


@pytest.mark.parametrize('library', MAKE)
def test_pictures(tmp_path, capsys, library):
    path = written(MAKE[library](tmp_path), tmp_path)
    out = tmp_path / 'pictures'
    assert run(capsys, path, '--pictures', out)[0] == 0
    assert {p.name for p in out.iterdir()} == {'train.png', 'val.png'}
    page = cv2.imread(str(out / 'train.png'))
    assert page.std() > 10


def test_a_mask_is_drawn_where_it_is(tmp_path):
    """Over the left half the colour of the class, nothing elsewhere."""
    figure = Figure()
    axis = figure.subplots()
    labels = np.full((4, 8), 255, np.uint8)
    labels[:, :4] = 1
    palette = distinct_colours(3) / 255
    assert data_page._draw_map(axis, labels, palette) == {1}
    (cover,) = (image.get_array() for image in axis.images)
    assert np.allclose(cover[:, :4, :3], palette[1])
    assert (cover[:, :4, 3] > 0).all()
    assert (cover[:, 4:, 3] == 0).all()


def test_a_truncated_image(tmp_path, capsys):
    config = segmentation(tmp_path)
    path = tmp_path / 'images/train/3.png'
    path.write_bytes(path.read_bytes()[:-40])
    status, output = run(capsys, written(config, tmp_path))
    assert status == 1
    assert f'  train: {path}: cannot be read: ' in output


def test_no_config(capsys):
    status, output = run(capsys, 'none.py')
    assert status == 1
    assert 'error: no config at none.py' in output


def test_names_that_are_not_utf8(tmp_path, capfd):
    config = classification(tmp_path)
    other = os.fsdecode(os.fsencode(tmp_path / 'train/a') + b'/\xe9.png')
    try:
        os.rename(tmp_path / 'train/a/0.png', other)
    except OSError:
        pytest.skip('this file system takes no such name')
    path = written(config, tmp_path)
    report = tmp_path / 'report.json'
    options = ('--pictures', tmp_path / 'look', '--json', report)
    tool = load_tool('check_data.py')
    assert tool.main([str(a) for a in (path, *options)]) == 0
    assert (tmp_path / 'look/train.png').is_file()
    Path(other).write_bytes(b'no image')
    assert tool.main([str(a) for a in (path, *options)]) == 1
    assert r'\udce9.png: cannot be read' in capfd.readouterr().out
