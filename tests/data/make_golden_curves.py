"""Write ``golden_curves.json``: twenty losses of every method, in small.

Run from the repository root, after a change that is meant to change them::

    python -m tests.data.make_golden_curves

Each method has what its pretraining config has: attention, masking and ratio,
target and head. Weights, images, masks and noises come from torch's CPU
generator, scans and convolutions from the torch backends, so that machines
agree but for rounding, for which the test leaves room.
"""

from pathlib import Path

import torch
from mmengine.logging import MessageHub
from mmpretrain.registry import MODELS

from tests.data.curves import STEPS, curve_of, write_curves
from tests.models.tiny import PATCH, seeded_images, tiny_map

PATH = Path(__file__).with_name('golden_curves.json')


def tiny(attention='rows', ratio=0.5, masking='RandomMasking', **parts):
    """A MAP with another attention, masking or target."""
    how = dict(type=masking) | ({'ratio': ratio} if ratio else {})
    model = tiny_map(seed=2, masking=how, **parts)
    model.decoder.attention = attention
    return model


def tiny_moco():
    """MoCo v3 around the backbone of the others."""
    neck = dict(
        type='NonLinearNeck',
        in_channels=16,
        hid_channels=16,
        out_channels=8,
        with_last_bn_affine=False,
        with_avg_pool=False,
        norm_cfg=dict(type='BN1d'),
    )
    predictor = dict(neck, in_channels=8)
    backbone = dict(
        type='HybridNet',
        arch=dict(embed_dims=16, pattern='MMT', num_heads=2, d_state=4),
        img_size=16,
        patch_size=PATCH,
        out_type='avg_featmap',
    )
    head = dict(
        type='MoCoV3Head',
        predictor=predictor,
        loss=dict(type='CrossEntropyLoss', loss_weight=0.4),
        temperature=0.2,
    )
    MessageHub.get_current_instance().update_info('max_iters', STEPS)
    torch.manual_seed(2)
    return MODELS.build(
        dict(type='MoCoV3', backbone=backbone, neck=neck, head=head)
    )


METHODS = {
    'map': tiny,
    'mae': lambda: tiny('full', 0.75),
    'ar': lambda: tiny('raster', 0.2),
    'ar_columns': lambda: tiny('raster_columns', 0.2),
    'map_columns': lambda: tiny('columns'),
    'local_mae': lambda: tiny('same_row'),
    'sequential': lambda: tiny(masking='SequentialMasking'),
    'diagonal': lambda: tiny(masking='DiagonalMasking'),
    'nothing_hidden': lambda: tiny(masking='NoMasking', ratio=None),
    'raw_pixels': lambda: tiny(norm_pix=False),
    'diffusion': lambda: tiny(
        head=dict(
            type='DiffusionHead',
            in_channels=8,
            patch_size=PATCH,
            hid_channels=16,
        )
    ),
    'mocov3': tiny_moco,
}


def loss_curve(method):
    """Losses of a method on eight images."""
    images = seeded_images(8)
    if method == 'mocov3':
        images = [images, images.flip(-1)]
    return curve_of(METHODS[method], images)


if __name__ == '__main__':
    write_curves(PATH, METHODS, loss_curve)
