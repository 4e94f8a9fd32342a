import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from mmmap.visualization import mask_figure
from mmmap.visualization.masks import _draw_maskings, _drawn


def test_maskings_that_are_drawn_are_the_maskings():
    drawn = _drawn((4, 6), 0.25, 3, seed=0)
    hidden = {name: (~m).sum((1, 2)).tolist() for name, m in drawn.items()}
    assert hidden == {
        'RandomMasking': [6] * 3,
        'SequentialMasking': [6] * 3,
        'DiagonalMasking': [6] * 3,
        'NoMasking': [0] * 3,
    }
    again = _drawn((4, 6), 0.25, 3, seed=0)
    other = _drawn((4, 6), 0.25, 3, seed=1)
    assert all((again[name] == drawn[name]).all() for name in drawn)
    assert (other['RandomMasking'] != drawn['RandomMasking']).any()


def test_without_masking_the_picture_says_that_all_is_guessed():
    part = Figure().subfigures()
    _draw_maskings(part, (2, 3), _drawn((2, 3), 0.5, 1, seed=0))
    notes = [axis.get_xlabel() for axis in part.axes]
    assert notes == ['3 hidden'] * 3 + ['all seen and predicted']


@pytest.mark.slow
@pytest.mark.parametrize(
    'grid', [(3, 3), (2, 7), (7, 2), (1, 4), (9, 8), (4, 1)]
)
def test_a_picture_of_every_grid(grid, tmp_path):
    path = tmp_path / 'made' / 'masks.png'
    mask_figure(grid, path, draws=2)
    picture = cv2.imread(str(path))
    assert min(picture.shape[:2]) > 600
    # Visible and hidden cells, and the token that looks.
    for colour in ('f2d07c', '3b4a6b', 'd1495b'):
        rgb = np.frombuffer(bytes.fromhex(colour), np.uint8)
        near = (abs(picture[..., ::-1].astype(int) - rgb) < 6).all(-1)
        assert near.sum() > 200, colour
    assert [p.name for p in path.parent.iterdir()] == ['masks.png']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(grid=(0, 3)), 'must be positive'),
        (dict(draws=0), 'must be positive'),
        (dict(query=(2, 3)), 'is not a token of a grid of 2x3'),
        (dict(ratio=1.5), 'between 0 and 1'),
        (dict(ratio=0.01), 'hides 0 of 6'),
    ],
)
def test_what_cannot_be_drawn(options, message, tmp_path):
    path = tmp_path / 'masks.png'
    with pytest.raises(ValueError, match=message):
        mask_figure(**dict(grid=(2, 3), path=path) | options)
    assert not path.exists()
