"""Write ``golden_point_curves.json``: losses of every method on points.

Run from the repository root, after a change that is meant to change them::

    python -m tests.data.make_golden_point_curves

As ``make_golden_curves.py``, on which see why machines agree.
"""

import json
import os
from pathlib import Path
from unittest import mock

import torch
from mmengine.optim import OptimWrapper

from tests.data.make_golden_curves import STEPS, TORCH_BACKENDS
from tests.models.tiny_points import seeded_clouds, tiny_point_map

PATH = Path(__file__).with_name('golden_point_curves.json')
HILBERT = dict(backbone=dict(order='hilbert'))


def along_curve(attention, **parts):
    """A method whose rows are places along a Hilbert curve."""
    decoder = dict(attention=attention, sequence='places')
    return tiny_point_map(seed=2, decoder=decoder, **HILBERT, **parts)


METHODS = {
    'map': lambda: tiny_point_map(seed=2),
    'map_hilbert': lambda: along_curve('rows'),
    'mae': lambda: tiny_point_map(seed=2, decoder=dict(attention='full')),
    'mae_block': lambda: tiny_point_map(
        seed=2,
        decoder=dict(attention='full'),
        masking=dict(type='PointBlockMasking', ratio=0.6),
    ),
    'ar': lambda: along_curve(
        'raster', masking=dict(type='RandomMasking', ratio=0.2)
    ),
    'local': lambda: along_curve('same_row'),
}


def loss_curve(method):
    """Losses of some steps of AdamW on eight clouds, masks drawn anew."""
    with mock.patch.dict(os.environ, TORCH_BACKENDS):
        model = METHODS[method]().train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        wrapper = OptimWrapper(optimizer)
        clouds = seeded_clouds(8)
        torch.manual_seed(3)
        losses = []
        for _ in range(STEPS):
            loss = model.loss(clouds, [])['loss']
            wrapper.update_params(loss)
            losses.append(loss.item())
    return losses


if __name__ == '__main__':
    curves = {
        method: [float(f'{loss:.6g}') for loss in loss_curve(method)]
        for method in METHODS
    }
    lines = [f'"{name}": {json.dumps(c)}' for name, c in curves.items()]
    PATH.write_text('{\n' + ',\n'.join(lines) + '\n}\n')
    print(f'{PATH}: {len(curves)} curves')
