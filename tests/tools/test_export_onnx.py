"""The command line that writes ONNX files."""

import json
import os

import pytest
import torch

from tests.helpers import load_tool
from tests.inference.tiny_models import tiny_model

onnxruntime = pytest.importorskip(
    'onnxruntime', reason='no onnxruntime: requirements/export.txt'
)
pytest.importorskip(
    'onnxscript', reason='no onnxscript: requirements/export.txt'
)
export = load_tool('export_onnx.py').main


@pytest.fixture(scope='module')
def detector(tmp_path_factory):
    return tiny_model('mmdet', tmp_path_factory.mktemp('tiny'))


@pytest.mark.slow
def test_backbone_of_a_detector(detector, tmp_path, capsys):
    out = tmp_path / 'new' / 'backbone.onnx'
    run = [detector.config, detector.checkpoint, str(out), '--part=backbone']
    assert export([*run, '--size', '32', '48', '--dynamic-size']) == 0
    output = capsys.readouterr().out
    assert 'any number of images of any size -> features_3; differs' in output
    assert os.listdir(out.parent) == ['backbone.onnx']
    session = onnxruntime.InferenceSession(out)
    images = torch.randn(3, 3, 64, 33)
    (found,) = session.run(None, {'images': images.numpy()})
    with torch.no_grad():
        (expected,) = detector.model.backbone(images)
    torch.testing.assert_close(
        torch.from_numpy(found), expected, rtol=1e-4, atol=1e-4
    )
    meta = session.get_modelmeta().custom_metadata_map
    assert json.loads(meta['colors']) == 'RGB'
    assert json.loads(meta['mean']) == pytest.approx([123.675, 116.28, 103.53])
    assert json.loads(meta['classes']) == ['cat', 'dog']

    assert export(run) == 1
    error = capsys.readouterr().err
    assert 'exists; choose another name or pass --overwrite' in error


@pytest.mark.parametrize(
    ('out', 'options', 'message'),
    [
        ('a.pth', [], 'OUT must end in .onnx, got'),
        ('a.onnx', ['--size', '4', '4', '--part=backbone'], 'smaller than a'),
    ],
)
def test_bad_input(detector, tmp_path, capsys, out, options, message):
    out = str(tmp_path / out)
    run = [detector.config, detector.checkpoint, out, *options]
    assert export(run) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert message in error
    assert os.listdir(tmp_path) == []


def test_checkpoint_of_another_model(detector, tmp_path, capsys):
    other = tmp_path / 'other.pth'
    torch.save({'state_dict': {'backbone.norm.weight': torch.ones(3)}}, other)
    run = [detector.config, str(other), str(tmp_path / 'a.onnx')]
    assert export(run) == 1
    assert 'does not fit MaskRCNN' in capsys.readouterr().err
    assert os.listdir(tmp_path) == ['other.pth']
