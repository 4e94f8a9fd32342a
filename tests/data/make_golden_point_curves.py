"""Write ``golden_point_curves.json``: losses of every method on points.

Run from the repository root, after a change that is meant to change them::

    python -m tests.data.make_golden_point_curves

As ``make_golden_curves.py``, on which see why machines agree.
"""

from pathlib import Path

import torch

from tests.data.curves import curve_of, write_curves
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
    """Losses of a method on eight clouds."""
    return curve_of(METHODS[method], seeded_clouds(8))


if __name__ == '__main__':
    write_curves(PATH, METHODS, loss_curve)
