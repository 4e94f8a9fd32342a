"""MambaVision in the segmentors and detectors of the libraries."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmmap.engine.launch import replace_sync_bn
from mmmap.testing import _narrow
from tests.configs.batches import batch_of
from tests.helpers import REPO
from tests.models.tiny import without_gradient
from tests.models.tiny_mamba_vision import ARCH

SIZE = 64
WIDTHS = [4, 8, 16, 32]


def model_of(base, scope, change):
    """A model of configs/_base_ with the small backbone."""
    model = Config.fromfile(REPO / 'configs/_base_/models' / base).model
    model.backbone = dict(
        type='mmpretrain.MambaVision',
        arch=ARCH,
        out_indices=(0, 1, 2, 3),
        norm_eval=True,
    )
    change(model)
    _narrow(model, {})
    replace_sync_bn(model)
    init_default_scope(scope)
    torch.manual_seed(0)
    return MODELS.build(model)


def segmentor(model):
    del model.neck
    model.data_preprocessor.size = (SIZE, SIZE)
    model.decode_head.update(in_channels=WIDTHS, channels=8)
    model.auxiliary_head.update(in_channels=16, channels=8)


def detector(model):
    model.neck = dict(
        type='FPN', in_channels=WIDTHS, out_channels=256, num_outs=5
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ('base', 'scope', 'change', 'classes'),
    [
        ('upernet.py', 'mmseg', segmentor, 150),
        ('mask-rcnn.py', 'mmdet', detector, 80),
    ],
)
def test_a_step_of_training(base, scope, change, classes):
    pytest.importorskip(scope)
    model = model_of(base, scope, change).train()
    data = model.data_preprocessor(batch_of(scope, SIZE, classes), True)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    assert loss.isfinite()
    loss.backward()
    assert not without_gradient(model.backbone)
