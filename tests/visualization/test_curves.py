"""Curves of trainings: scales, and what is not finite."""

import math

from mmmap.visualization.curves import curve_figure


def panel(*values):
    """The axes of a panel with one line."""
    steps = list(range(len(values)))
    return curve_figure({'loss': {'a': (steps, list(values))}}).axes[0]


def test_a_wide_range_has_a_logarithmic_axis():
    assert panel(3.0, 2.0, 1.0).get_yscale() == 'linear'
    assert panel(3000.0, 30.0, 1.0).get_yscale() == 'log'
    # Zero has no place on it.
    assert panel(3000.0, 30.0, 0.0).get_yscale() == 'linear'


def test_values_that_are_not_finite_are_counted():
    assert panel(3.0, math.nan, math.inf).get_title() == 'loss (2 not finite)'
