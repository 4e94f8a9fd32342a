"""Loss curves of short trainings, kept to compare with."""

import json
import os
from unittest import mock

import torch
from mmengine.optim import OptimWrapper

STEPS = 20
TORCH_BACKENDS = dict(MMMAP_SCAN_BACKEND='torch', MMMAP_CONV_BACKEND='torch')


def curve_of(make_model, inputs):
    """Losses of some steps of AdamW on one batch, new masks in each."""
    with mock.patch.dict(os.environ, TORCH_BACKENDS):
        model = make_model().train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        wrapper = OptimWrapper(optimizer)
        torch.manual_seed(3)
        losses = []
        for _ in range(STEPS):
            loss = model.loss(inputs, [])['loss']
            wrapper.update_params(loss)
            losses.append(loss.item())
    return losses


def write_curves(path, methods, loss_curve):
    """One line of JSON a method."""
    curves = {
        method: [float(f'{loss:.6g}') for loss in loss_curve(method)]
        for method in methods
    }
    lines = [f'"{name}": {json.dumps(c)}' for name, c in curves.items()]
    path.write_text('{\n' + ',\n'.join(lines) + '\n}\n')
    print(f'{path}: {len(curves)} curves')
