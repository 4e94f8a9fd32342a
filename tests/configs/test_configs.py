"""Every config has its guards, and a training step works."""

import re

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS

from mmmap.testing import shrink
from tests.configs.batches import batch_of, two_views
from tests.configs.shipped import ARCHS, CONFIGS, config_of
from tests.helpers import each

SIZE = 64
# Built small, all sizes of a model are the same: one of them.
RECIPES = {re.sub(f'-({ARCHS})_', '_', name): name for name in CONFIGS}

EACH_RECIPE = pytest.mark.parametrize('name', RECIPES.values())


def classes_of(model):
    """Of a config's model, however its head is nested."""
    if 'decode_head' in model:
        return model.decode_head.num_classes
    if 'roi_head' in model:
        return model.roi_head.mask_head.num_classes
    if 'bbox_head' in model:
        return model.bbox_head.num_classes
    return model.head.get('num_classes', 10)


@each(CONFIGS)
def test_guards_and_imports_are_kept(name):
    config = config_of(name)
    assert config.custom_imports.imports[0] == 'mmmap'
    hooks = {hook.type for hook in config.custom_hooks}
    assert {'CheckpointGuardHook', 'NaNGuardHook', 'BatchFeedHook'} <= hooks
    assert config.default_scope in ('mmpretrain', 'mmseg', 'mmdet')
    pretrains = config.model.type in ('MAP', 'MoCoV3')
    watched = pretrains and name != 'study/map_imagenette48.py'
    assert ('FeatureMonitorHook' in hooks) is watched
    # Clipping also puts the gradient's norm into the log.
    assert 'clip_grad' in config.optim_wrapper or '-linear-' in name


@pytest.mark.slow
@EACH_RECIPE
def test_training_step(name):
    """Of the config built small: a gradient for all, and it learns."""
    torch.manual_seed(0)
    np.random.seed(0)
    config = config_of(name)
    size = SIZE - SIZE % config.model.backbone.get('patch_size', 1)
    config = shrink(config, size)
    model = MODELS.build(config.model)
    model.init_weights()
    model.train()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    batch = batch_of(config.default_scope, size, classes_of(config.model))
    if config.model.type == 'MoCoV3':
        batch = two_views(batch)
        MessageHub.get_current_instance().update_info('max_iters', 10)

    data = model.data_preprocessor(batch, True)
    with torch.autocast('cpu', torch.bfloat16, enabled='-amp-' in name):
        losses = model(**data, mode='loss')
    loss, _ = model.parse_losses(losses)
    assert loss.isfinite()
    wrapper.backward(loss)
    learned = {n: p for n, p in model.named_parameters() if p.requires_grad}
    for parameter, value in learned.items():
        assert value.grad is not None, parameter
        assert value.grad.isfinite().all(), parameter
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    wrapper.step()
    moved = {
        n for n, p in model.named_parameters() if not torch.equal(before[n], p)
    }
    assert moved
    if config.model.backbone.get('frozen_stages', -1) > 0:
        assert all(n.startswith(('head.', 'decode_head.')) for n in moved)
