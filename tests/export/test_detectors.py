"""Whole detectors: what mmdet predicts, in onnxruntime too."""

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

import mmmap  # noqa: F401  registers the models
from mmmap.errors import InputError
from mmmap.export import ExportError, export_detector, onnx_files, part_of
from mmmap.testing import shrink
from tests.helpers import REPO

pytest.importorskip('onnxruntime', reason='requirements/export.txt')
pytest.importorskip('onnxscript', reason='requirements/export.txt')
pytestmark = pytest.mark.slow
CONFIGS = dict(
    mask='mask-rcnn_map-tiny_8xb2-1x_own.py',
    retina='retinanet_map-tiny_8xb2-1x_coco.py',
    cascade='cascade-mask-rcnn_map-tiny_8xb2-1x_coco.py',
)


def detector(name):
    """A tiny one whose random weights find something."""
    config = shrink(
        Config.fromfile(REPO / 'configs/mmdet' / CONFIGS[name]), 64
    )
    init_default_scope('mmdet')
    backbone = config.model.backbone
    backbone.pop('init_cfg')
    backbone.pop('with_cp', None)
    settings = config.model.test_cfg
    settings.get('rcnn', settings).score_thr = 0.0
    torch.manual_seed(0)
    return MODELS.build(config.model).eval()


def images(height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 3, height, width, generator=generator)


@torch.no_grad()
def predicted(model, image, size):
    meta = dict(
        img_shape=size,
        ori_shape=size,
        scale_factor=(1, 1),
        batch_input_shape=tuple(image.shape[2:]),
    )
    sample = DetDataSample(metainfo=meta)
    return model.predict(image, [sample], rescale=False)[0].pred_instances


# tests/commands exports Mask R-CNN and Faster R-CNN.
def test_boxes_are_those_of_mmdet_and_of_onnxruntime(tmp_path):
    model = detector('retina')
    module, outputs = part_of(model)
    image, size = images(160, 192), (150, 170)
    truth = predicted(model, image, size)
    with torch.no_grad():
        found = dict(zip(outputs, module(image, torch.tensor(size).float())))
    number = len(truth)
    assert number == 100
    assert (found['scores'][:number] - truth.scores).abs().max() < 1e-6
    # Equal scores may change places.
    for box, label in zip(truth.bboxes, truth.labels):
        far = (found['boxes'] - box).abs().amax(-1)
        assert far[found['labels'] == label].min() < 1e-3
    onnx_files._SURE, before = 0.0, onnx_files._SURE
    try:
        error, compared = export_detector(
            module,
            tmp_path / 'a.onnx',
            outputs,
            [(image, size), (images(256, 160), (256, 160))],
        )
    finally:
        onnx_files._SURE = before
    assert compared == 200
    assert error < 1e-3


def test_another_result_is_not_kept(tmp_path, monkeypatch):
    truth = dict(
        boxes=torch.tensor([[0.0, 0, 9, 9]]),
        scores=torch.tensor([0.9]),
        labels=torch.tensor([1]),
    )
    found = {k: v.clone() for k, v in truth.items()}
    found['boxes'] += 0.01
    far, others = onnx_files._nearest(truth, found, 0)
    assert far == pytest.approx(0.01, abs=1e-5)
    assert others == 0
    found['labels'] += 1
    assert onnx_files._nearest(truth, found, 0)[0] == torch.inf
    monkeypatch.setattr(onnx_files, '_write', lambda *a: None)
    outputs = ['boxes', 'scores', 'labels']
    wrong = [found[name].numpy() for name in outputs]
    monkeypatch.setattr(onnx_files, '_computed', lambda *a: wrong)

    class Module(torch.nn.Module):
        def forward(self, images, shape):
            return [truth[name] for name in outputs]

    path = tmp_path / 'a.onnx'
    with pytest.raises(ExportError, match='differs from PyTorch'):
        export_detector(Module(), path, outputs, [(images(64, 64), (64, 64))])
    assert not path.exists()


def test_others_are_refused():
    with pytest.raises(InputError, match='RetinaNet, Faster R-CNN and Mask'):
        part_of(detector('cascade'))
