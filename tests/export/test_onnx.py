"""ONNX files compute what PyTorch does, or are not there."""

import os

import numpy as np
import pytest
import torch
from mmpretrain.registry import MODELS
from torch import nn

import mmmap  # noqa: F401  registers the models
from mmmap.export import ExportError, export_onnx, onnx_files, part_of
from mmmap.ops import selective_scan_bidirectional
from tests.inference.tiny_models import tiny_model
from tests.models.tiny_mamba_vision import tiny_mamba_vision
from tests.ops.scan_cases import PAIRS, make_scan

onnxruntime = pytest.importorskip(
    'onnxruntime', reason='no onnxruntime: requirements/export.txt'
)
pytest.importorskip('onnx', reason='no onnx: requirements/export.txt')
pytest.importorskip(
    'onnxscript', reason='no onnxscript: requirements/export.txt'
)
ARCH = dict(embed_dims=16, pattern='MT', num_heads=2, d_state=4)
SMALL = nn.Conv2d(3, 2, 3)


def images(batch=1, height=32, width=48, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 3, height, width, generator=generator)


def backbone(**options):
    torch.manual_seed(0)
    config = dict(type='HybridNet', arch=ARCH, img_size=32, patch_size=8)
    return MODELS.build(config | options).eval()


def run(path, x):
    session = onnxruntime.InferenceSession(
        path, providers=['CPUExecutionProvider']
    )
    return session.run(None, {'images': x.numpy()})


def assert_equal(path, module, x):
    with torch.no_grad():
        truths = module(x)
    truths = (truths,) if isinstance(truths, torch.Tensor) else truths
    for ours, truth in zip(run(path, x), truths, strict=True):
        assert ours.shape == truth.shape
        error = np.abs(ours - truth.numpy()).max()
        assert error < 1e-4 * truth.abs().max().item()


class Scan(nn.Module):
    """Both directions of a scan whose inputs depend on the images."""

    def __init__(self, groups) -> None:
        super().__init__()
        self.sides = [
            make_scan(1, 4, 9, 3, groups=groups, seed=s) for s in (0, 1)
        ]
        for side in self.sides:
            side.update((k, v.detach()) for k, v in side.items())

    def forward(self, x):
        scale = x.mean((1, 2, 3))
        z = self.sides[0]['z'] * scale[:, None, None]
        pairs = {k: [side[k] for side in self.sides] for k in PAIRS}
        for name in ('u', 'delta', 'B', 'C'):
            pairs[name] = [
                t * scale.view(-1, *[1] * (t.dim() - 1)) for t in pairs[name]
            ]
        return selective_scan_bidirectional(**pairs, z=z, delta_softplus=True)


@pytest.mark.slow
@pytest.mark.parametrize('groups', [None, 2])
def test_the_scan_is_onnx_s_own(tmp_path, groups):
    import onnx

    path = tmp_path / 'scan.onnx'
    module = Scan(groups)
    assert export_onnx(module, path, (8, 8), ['y']) < 1e-5
    assert_equal(path, module, images(5, 8, 8))
    graph = onnx.load(path).graph
    assert [node.op_type for node in graph.node].count('Scan') == 1
    # Standard operators alone: nothing of ours is needed to run it.
    assert {node.domain for node in graph.node} == {''}


@pytest.mark.slow
def test_any_batch_and_any_size(tmp_path):
    """Written with one window; others have several, padded or not."""
    path = tmp_path / 'backbone.onnx'
    module = backbone(out_indices=(0, 1), window_size=3)
    error = export_onnx(module, path, (24, 16), ['a', 'b'], dynamic_size=True)
    assert error < 1e-5
    # That of pretraining too, whose positions are not resampled.
    for batch, *size in ((1, 32, 32), (4, 40, 17), (2, 9, 100), (1, 24, 48)):
        assert_equal(path, module, images(batch, *size))


def test_what_differs_is_not_kept(tmp_path, monkeypatch):
    largest = onnx_files._largest_error

    class Other(nn.Sequential):
        def forward(self, x):
            return super().forward(x) * 1.001

    monkeypatch.setattr(
        onnx_files,
        '_largest_error',
        lambda module, *rest: largest(Other(module), *rest),
    )
    with pytest.raises(ExportError, match='differs from PyTorch by 1.0e-03'):
        export_onnx(SMALL, tmp_path / 'small.onnx', (8, 8), ['out'])
    assert os.listdir(tmp_path) == []


def test_a_model_that_onnxruntime_rejects_raises(tmp_path):
    """A reshape that holds for one size alone."""

    class Fixed(nn.Module):
        def forward(self, x):
            return x + torch.ones(8, 8)

    with pytest.raises(ExportError, match='cannot'):
        export_onnx(
            Fixed(), tmp_path / 'a.onnx', (8, 8), ['o'], dynamic_size=True
        )
    assert os.listdir(tmp_path) == []


def test_a_model_that_torch_cannot_export_raises(tmp_path):
    class Branching(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    message = 'torch cannot export Branching: .*docs/deployment.md'
    with pytest.raises(ExportError, match=message):
        export_onnx(Branching(), tmp_path / 'a.onnx', (8, 8), ['y'])
    assert os.listdir(tmp_path) == []


def test_heavy_weights_lie_beside_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_files, '_LARGEST', 0)
    path = tmp_path / 'small.onnx'
    export_onnx(SMALL, path, (8, 8), ['out'])
    assert sorted(os.listdir(tmp_path)) == ['small.onnx', 'small.onnx.data']
    assert_equal(path, SMALL, images(2, 8, 8))


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    with pytest.raises(ExportError, match='-r requirements/export.txt'):
        export_onnx(SMALL, tmp_path / 'a.onnx', (8, 8), ['y'])


@pytest.mark.slow
@pytest.mark.parametrize(
    ('library', 'shape'),
    [('mmpretrain', (2, 1000)), ('mmseg', (2, 3, 64, 64))],
)
def test_whole_models(library, shape, tmp_path):
    model = tiny_model(library, tmp_path / 'tiny').model
    module, names = part_of(model)
    assert names == ['logits']
    path = tmp_path / 'model.onnx'
    meta = dict(classes=['cat', 'dog'])
    assert export_onnx(module, path, (64, 64), names, meta=meta) < 1e-4
    assert_equal(path, module, images(2, 64, 64))
    (logits,) = run(path, images(2, 64, 64))
    assert logits.shape == shape
    session = onnxruntime.InferenceSession(path)
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata['classes'] == '["cat", "dog"]'


@pytest.mark.slow
def test_mamba_vision(tmp_path):
    module = tiny_mamba_vision(out_indices=(0, 1, 2, 3)).eval()
    path = tmp_path / 'mamba_vision.onnx'
    export_onnx(module, path, (64, 96), list('abcd'))
    assert_equal(path, module, images(3, 64, 96))


def test_detectors_give_their_backbone(tmp_path):
    model = tiny_model('mmdet', tmp_path).model
    _, names = part_of(model)
    assert names == ['boxes', 'scores', 'labels', 'masks']
    module, names = part_of(model, 'backbone')
    assert module is model.backbone
    assert names == ['features_3']


def test_other_backbones_are_refused():
    model = nn.Module()
    model.backbone = nn.Linear(2, 2)
    with pytest.raises(ValueError, match='with the backbone Linear cannot'):
        part_of(model)
