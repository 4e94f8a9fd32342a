import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score

from mmmap.evaluation import PartIoU, part_iou


@pytest.mark.parametrize(
    ('predicted', 'true', 'parts', 'expected'),
    [
        ([0, 0, 1, 1], [0, 0, 1, 1], (0, 1), 1),
        ([0, 0, 0, 1], [0, 0, 1, 1], (0, 1), (2 / 3 + 1 / 2) / 2),
        ([0, 0, 0, 0], [1, 1, 1, 1], (0, 1), 0),
        # Part 2 is neither there nor predicted.
        ([0, 0, 1, 1], [0, 1, 1, 1], (0, 1, 2), (1 / 2 + 2 / 3 + 1) / 3),
        # Part 2 is predicted only.
        ([0, 2], [0, 0], (0, 2), (1 / 2 + 0) / 2),
        ([5], [5], (5,), 1),
    ],
)
def test_by_hand(predicted, true, parts, expected):
    found = part_iou(np.array(predicted), np.array(true), parts)
    assert found == pytest.approx(expected)


def test_agrees_with_another_implementation():
    rng = np.random.default_rng(0)
    for _ in range(20):
        predicted, true = rng.integers(4, size=(2, 30))
        expected = jaccard_score(
            true, predicted, labels=range(4), average='macro', zero_division=1
        )
        assert part_iou(predicted, true, range(4)) == pytest.approx(expected)


def sample(category, predicted, true, parts):
    return dict(
        gt_label=torch.tensor([category]),
        pred_part=torch.tensor(predicted),
        gt_part=torch.tensor(true),
        parts=parts,
    )


def test_means_over_shapes_and_over_categories():
    metric = PartIoU()
    # IoUs of category 0: 1, 1 and 0; of category 1: 1/2.
    metric.process(
        None,
        [
            sample(0, [0, 1], [0, 1], (0, 1)),
            sample(0, [1, 0], [1, 0], (0, 1)),
            sample(0, [1, 1], [0, 0], (0, 1)),
        ],
    )
    metric.process(None, [sample(1, [2, 2], [2, 3], (2, 3))])
    # (1/2 + 0) / 2 for the last.
    means = metric.evaluate(4)
    assert means == {
        'parts/instance_mIoU': pytest.approx(100 * 2.25 / 4),
        'parts/class_mIoU': pytest.approx(100 * (2 / 3 + 1 / 4) / 2),
        'parts/accuracy': pytest.approx(100 * 2.5 / 4),
    }


def test_bad_input():
    two = np.zeros(2, int)
    with pytest.raises(ValueError, match='same points'):
        part_iou(two, np.zeros(3, int), (0,))
    with pytest.raises(ValueError, match='same points'):
        part_iou(two, two, ())
    with pytest.raises(ValueError, match=r'parts \[7\], its category'):
        part_iou(two, two + 7, (0, 1))
