"""Backbones under ``torch.export`` and, in whole models, ``torch.compile``."""

import pytest
import torch
from mmpretrain.registry import MODELS

import mmmap  # noqa: F401  registers the models
from tests.inference.tiny_models import tiny_model

ARCH = dict(embed_dims=16, pattern='MT', num_heads=2, d_state=4)


@torch.no_grad()
def test_torch_export_for_any_batch():
    torch.manual_seed(0)
    config = dict(type='HybridNet', arch=ARCH, img_size=32, patch_size=8)
    model = MODELS.build(dict(config, out_indices=(0, 1))).eval()
    dims = ({0: torch.export.Dim('batch')},)
    images = torch.randn(2, 3, 32, 48)
    program = torch.export.export(model, (images,), dynamic_shapes=dims)
    for batch in (1, 5):
        images = torch.randn(batch, 3, 32, 48)
        for ours, expected in zip(program.module()(images), model(images)):
            torch.testing.assert_close(ours, expected)
    # The scan is one call a block.
    called = [str(node.target) for node in program.graph.nodes]
    assert len([name for name in called if 'scan_' in name]) == 1


def losses(library, model, images):
    """Of a step of training, and the gradients of the backbone."""
    data = MAKE[library](images)
    model.zero_grad()
    torch.manual_seed(1)  # detectors sample boxes
    parsed, _ = model.parse_losses(model.loss(images, data))
    parsed.backward()
    grads = [p.grad.clone() for p in model.backbone.parameters()]
    return parsed.detach(), grads


def segmented(images):
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    labels = torch.arange(64 * 64).view(1, 64, 64) // 8 % 3
    shapes = dict(img_shape=(64, 64))
    return [
        SegDataSample(metainfo=shapes, gt_sem_seg=PixelData(data=labels))
        for _ in images
    ]


def detected(images):
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    masks = torch.zeros(1, 64, 64)
    masks[:, 8:40, 8:48] = 1
    shapes = dict.fromkeys(
        ('img_shape', 'ori_shape', 'pad_shape', 'batch_input_shape'), (64, 64)
    )
    samples = []
    for _ in images:
        sample = DetDataSample(metainfo=shapes)
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[8.0, 8.0, 48.0, 40.0]]),
            labels=torch.tensor([1]),
            masks=BitmapMasks(masks.numpy().astype('uint8'), 64, 64),
        )
        sample.ignored_instances = InstanceData(
            bboxes=torch.zeros(0, 4), labels=torch.zeros(0).long()
        )
        samples.append(sample)
    return samples


MAKE = dict(mmseg=segmented, mmdet=detected)


@pytest.mark.slow
@pytest.mark.parametrize('library', MAKE)
def test_torch_compile_of_the_backbone(library, tmp_path):
    """The model learns the same; only the backbone is compiled."""
    model = tiny_model(library, tmp_path).model.train()
    images = torch.randn(
        2, 3, 64, 64, generator=torch.Generator().manual_seed(2)
    )
    expected, grads = losses(library, model, images)
    keys = list(model.state_dict())
    model.backbone.compile(backend='aot_eager', fullgraph=True)
    found, others = losses(library, model, images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    largest = max(g.abs().max() for g in grads)
    for ours, truth in zip(others, grads, strict=True):
        assert (ours - truth).abs().max() < 1e-4 * largest
    # Checkpoints are those of a model that is not compiled.
    assert list(model.state_dict()) == keys
