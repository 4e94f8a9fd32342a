"""Labelled samples are drawn evenly over classes."""

import numpy as np

from mmmap.evaluation.labelled import drawn_classes, drawn_places


def test_samples_are_drawn_evenly():
    labels = np.repeat([0, 1, 2, 3], [3, 500, 500, 2])
    classes = drawn_classes(labels, 40)
    assert sorted(classes) == [0, 1, 2, 3]
    places = drawn_places(labels, classes, 40)
    counts = np.bincount(labels[places])
    assert sum(counts) == 40
    assert list(counts) in ([3, 18, 17, 2], [3, 17, 18, 2])
    assert places == drawn_places(labels, classes, 40)
    # As few classes as leave ten images of each.
    many = np.repeat(np.arange(1000), 20)
    classes = drawn_classes(many, 500)
    counts = np.bincount(many[drawn_places(many, classes, 500)])
    assert sorted(counts[counts > 0]) == [10] * 50
