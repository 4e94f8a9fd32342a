"""One file that predicts as its run does, without torch."""

import json
import subprocess
import sys

import numpy as np
import pytest
from mmengine.visualization import Visualizer

import mmmap
from mmmap.commands.choices import ARCHS
from mmmap.commands.main import main
from tests.commands import made
from tests.commands.test_reading import bands, folder
from tests.helpers import REPO

pytestmark = pytest.mark.slow
for package in ('onnx', 'onnxruntime', 'onnxscript'):
    pytest.importorskip(package, reason='requirements/export.txt')
SHORT = ('--epochs', '1', '--repeat', '1', '--batch', '4')
# As on a machine that has none of it.
ALONE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        names = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmseg', 'mmdet')
        if name.split('.')[0] in names:
            raise ImportError('no ' + name)
sys.meta_path.insert(0, Refuse())
from mmmap.commands.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def own_visualizers():
    """The libraries keep them by name, for the whole process."""
    for kind in (Visualizer, *Visualizer.__subclasses__()):
        kind._instance_dict.clear()


@pytest.fixture
def two_blocks(monkeypatch):
    """One block of each kind: tracing takes as long as a graph is large."""
    mini = ARCHS['mini']
    arch = mini['arch'] | dict(pattern='MT')
    monkeypatch.setitem(ARCHS, 'mini', mini | dict(arch=arch))


def call(*arguments):
    return main([str(a) for a in arguments])


def alone(*arguments):
    return subprocess.run(
        [sys.executable, '-c', ALONE, *map(str, arguments)],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=300,
    )


def predictions_in(out):
    lines = (out / 'predictions.jsonl').read_text().splitlines()
    return {one['image']: one for one in map(json.loads, lines)}


def test_a_segmentor_of_four_channels(tmp_path, capsys):
    folder(tmp_path)
    data = ('--images', tmp_path / 'photos', '--masks', tmp_path / 'masks')
    run, file = tmp_path / 'run', tmp_path / 'a.onnx'
    options = ('--epochs', '1', '--repeat', '10', '--batch', '4')
    assert call('segment', *data, '--out', run, *options) == 0
    assert call('export', run, '--out', file) == 0
    assert 'to predict: mmmap predict' in capsys.readouterr().out
    result = alone(
        'predict', file, tmp_path / 'photos', '--out', tmp_path / 'out'
    )
    assert result.returncode == 0, result.stderr
    image = bands(2)[0]
    (first,) = mmmap.predict(run, image)
    (second,) = mmmap.predict(file, image)
    assert (first['class_map'] == second['class_map']).mean() > 0.999
    found = made.read(tmp_path / 'out/class_maps/c.png')
    assert (found == second['class_map']).all()
    # In tiles, too.
    large = np.tile(image, (3, 3, 1))
    (first,) = mmmap.predict(run, large, tile=48)
    (second,) = mmmap.predict(file, large, tile=48)
    assert (first['class_map'] == second['class_map']).mean() > 0.999


@pytest.mark.parametrize('outlines', [True, False])
def test_a_detector(tmp_path, two_blocks, outlines, capsys):
    made.coco(tmp_path, outlines=outlines)
    data = ('--images', tmp_path / 'photos', '--coco', tmp_path / 'boxes.json')
    run, file = tmp_path / 'run', tmp_path / 'a.onnx'
    assert call('detect', *data, '--out', run, *SHORT, '--edge', '96') == 0
    assert call('export', run, '--out', file) == 0
    assert 'boxes differ from PyTorch by at most' in capsys.readouterr().out
    outs = tmp_path / 'torch', tmp_path / 'onnx'
    options = (tmp_path / 'photos', '--min-score', '0.1', '--out')
    assert call('predict', run, *options, outs[0]) == 0
    result = alone('predict', file, *options, outs[1])
    assert result.returncode == 0, result.stderr
    number = 0
    truths, found = map(predictions_in, outs)
    for name, truth in truths.items():
        for one in truth['objects']:
            if one['score'] < 0.101:
                continue
            far = [
                max(np.abs(np.subtract(one['bbox'], other['bbox'])))
                + 9 * (one['label'] != other['label'])
                for other in found[name]['objects']
            ]
            assert min(far) < 1e-3
            other = found[name]['objects'][int(np.argmin(far))]
            assert other['score'] == pytest.approx(one['score'], abs=1e-4)
            if outlines and one['polygons']:
                assert overlap(one, other) > 0.98
            number += 1
    assert number >= 12


def overlap(one, other):
    """Of the largest outlines of two objects, of 48 x 64 pixels."""
    maps = [made.filled(o['polygons'], (48, 64)) for o in (one, other)]
    return (maps[0] & maps[1]).sum() / max(1, (maps[0] | maps[1]).sum())


def test_a_classifier(tmp_path, two_blocks):
    made.classes(tmp_path / 'kinds')
    run, file = tmp_path / 'run', tmp_path / 'a.onnx'
    assert call('classify', tmp_path / 'kinds', '--out', run, *SHORT) == 0
    assert call('export', run, '--out', file) == 0
    assert call('export', run, '--out', file) == 1  # it is there
    first = mmmap.predict(run, tmp_path / 'kinds')
    second = mmmap.predict(file, tmp_path / 'kinds')
    for one, other in zip(first, second, strict=True):
        assert (one['image'], one['name']) == (other['image'], other['name'])
        assert one['score'] == pytest.approx(other['score'], abs=1e-5)


def test_a_file_of_something_else(tmp_path, capsys):
    made.folder(tmp_path, 2)
    (tmp_path / 'a.onnx').write_bytes(b'nothing')
    command = ('predict', tmp_path / 'a.onnx', tmp_path / 'photos', '--out')
    assert call(*command, tmp_path / 'out') == 1
    assert 'is not an ONNX file' in capsys.readouterr().err
    assert call(*command, tmp_path / 'o', '--checkpoint', 'x.pth') == 1
    assert 'contains the weights' in capsys.readouterr().err
