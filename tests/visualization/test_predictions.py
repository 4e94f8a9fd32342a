import cv2
import numpy as np
import pytest
from PIL import Image

from mmmap.visualization import detection_figure, segmentation_figure
from mmmap.visualization.images import spread
from mmmap.visualization.predictions import _painted

CLASSES = ['left', 'right']
PALETTE = [[255, 0, 0], [0, 0, 255]]


@pytest.fixture
def photo(tmp_path):
    """A black image."""
    path = tmp_path / 'photo.png'
    Image.new('RGB', (32, 32)).save(path)
    return str(path)


def closest(picture, colour):
    """How many pixels of a BGR picture have nearly this RGB colour."""
    return int(
        (abs(picture[..., ::-1].astype(int) - colour) < 12).all(-1).sum()
    )


def test_paint_lies_over_the_image_and_void_stays_white():
    image = np.full((1, 3, 3), 100, np.uint8)
    labels = np.array([[0, 1, 255]])
    painted = _painted(image, labels, np.array(PALETTE, np.uint8))
    assert painted.tolist() == [
        [[208, 30, 30], [30, 30, 208], [208, 208, 208]]
    ]


def test_rows_are_spread_over_the_set():
    assert spread(11, 3) == [0, 5, 10]
    assert spread(2, 6) == [0, 1]


def test_segmentation_shows_truth_and_each_model(photo, tmp_path):
    labels = np.zeros((1, 32, 32), int)
    labels[..., 16:] = 1
    sample = dict(
        img_path=photo,
        gt_sem_seg=dict(data=labels),
        pred_sem_seg=dict(data=labels),
    )
    wrong = sample | dict(pred_sem_seg=dict(data=labels * 0))
    path = tmp_path / 'figure.png'
    models = {'good': [sample], 'bad': [wrong]}
    segmentation_figure(models, CLASSES, PALETTE, path)
    picture = cv2.imread(str(path))
    red, blue = (closest(picture, c) for c in ([178, 0, 0], [0, 0, 178]))
    # Truth and the good one are half and half, the bad one is red alone.
    assert red == pytest.approx(2 * blue, rel=0.05)
    # The image itself is a whole tile of black, as large as the red of two.
    assert closest(picture, [0, 0, 0]) == pytest.approx(red / 2, rel=0.15)


def test_detection_shows_truth_and_what_scores_enough(photo, tmp_path):
    masks = np.zeros((2, 32, 32), bool)
    masks[0, 4:28, 4:28] = True
    masks[1, 4:28, 4:28] = True
    boxes = [[4, 4, 28, 28]] * 2
    sample = dict(
        img_path=photo,
        gt_instances=dict(bboxes=boxes[:1], labels=[0], masks=masks[:1]),
        pred_instances=dict(
            bboxes=np.array(boxes),
            labels=np.array([0, 1]),
            scores=np.array([0.9, 0.2]),
            masks=masks,
        ),
    )
    drawn = {}
    for score in (0.1, 0.3, 0.95):
        path = tmp_path / f'{score}.png'
        detection_figure({'a': [sample]}, CLASSES, path, min_score=score)
        drawn[score] = cv2.imread(str(path))
    # The first colour of tab10 at 0.45 over black: in the truth, and in the
    # detection where that alone is shown.
    tint = (0.45 * np.array([31, 119, 180])).round()
    areas = {s: closest(picture, tint) for s, picture in drawn.items()}
    assert areas[0.95] > 1000
    assert areas[0.3] == pytest.approx(2 * areas[0.95], rel=0.1)
    assert areas[0.1] == pytest.approx(areas[0.95], rel=0.1)
