import numpy as np
import pytest

from mmmap.evaluation import class_iou, confusion, confusions

TRUE = np.array([[0, 0, 1, 1], [0, 2, 2, 255]])
SEEN = np.array([[0, 1, 1, 1], [2, 2, 1, 0]])


def test_counts_by_hand():
    counts = confusion(SEEN, TRUE, 4)
    assert counts.tolist() == [
        [1, 1, 1, 0],
        [0, 2, 0, 0],
        [0, 1, 1, 0],
        [0, 0, 0, 0],
    ]
    np.testing.assert_allclose(
        class_iou(counts), [1 / 3, 2 / 4, 1 / 3, np.nan]
    )
    assert confusions(counts, 9) == [
        (0, 1, 1, 1 / 3),
        (0, 2, 1, 1 / 3),
        (2, 1, 1, 1 / 2),
    ]
    assert confusions(counts, 1) == [(0, 1, 1, 1 / 3)]


def test_no_known_pixel():
    counts = confusion(SEEN, np.full_like(TRUE, 255), 3)
    assert not counts.any()
    assert np.isnan(class_iou(counts)).all()


@pytest.mark.parametrize(
    ('seen', 'classes', 'message'),
    [
        (SEEN[:, :2], 3, 'prediction is .2, 2. pixels, the truth .2, 4.'),
        (SEEN, 2, 'predicted classes must be 0 to 1, got 0 to 2'),
        (SEEN - 1, 3, 'predicted classes must be 0 to 2, got -1 to 1'),
        (np.zeros_like(SEEN), 2, 'true classes must be 0 to 1, got 0 to 2'),
    ],
)
def test_maps_that_do_not_fit(seen, classes, message):
    with pytest.raises(ValueError, match=message):
        confusion(seen, TRUE, classes)
