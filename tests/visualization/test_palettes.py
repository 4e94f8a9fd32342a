"""Colours of classes."""

import numpy as np
import pytest

from mmmap.visualization.palettes import complete_palette, distinct_colours


@pytest.mark.parametrize(('count', 'least'), [(6, 100), (64, 5)])
def test_colours_differ(count, least):
    colours = distinct_colours(count).astype(float)
    apart = np.abs(colours[:, None] - colours).sum(-1)
    assert apart[~np.eye(count, dtype=bool)].min() > least


def test_given_colours_come_first():
    given = [(0, 0, 0), (1, 2, 3)]
    palette = complete_palette(given, 1000)
    assert palette[:2] == given
    assert len(set(palette)) == 1000
    assert complete_palette(given, 1) == [(0, 0, 0)]
    assert complete_palette([], 0) == []


def test_more_classes_than_colours():
    palette = complete_palette([], 21841)
    assert len(palette) == 21841
    assert len(set(palette)) > 1500
