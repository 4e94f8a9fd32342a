"""Images that EXIF turns, and annotations that nothing turns."""

import numpy as np
import pytest
from PIL import Image

from mmmap.datasets.checks import samples
from mmmap.datasets.image_files import read_header
from tests.datasets.checks.made import (
    classification,
    coco,
    detection,
    errors_of,
    found,
    noise,
    save,
    segmentation,
)

AS_STORED = dict(
    type='LoadImageFromFile', color_type='color_ignore_orientation'
)


def turned(path, size=(32, 16), orientation=6):
    """Store a JPEG of H and W with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(0, size)).save(path, 'JPEG', exif=exif)
    return path


def maps(root, shape, **options):
    """A segmentor with a turned image, whose map has another shape."""
    config = segmentation(root)
    path = turned(root / 'images/train/0.png', **options)
    save(root / 'maps/train/0.png', np.resize([0, 1], shape))
    return config, path


def boxes(root, width, height, **options):
    """A detector with a turned image of other annotated sizes."""
    content = coco()
    content['images'][0].update(width=width, height=height)
    config = detection(root, content)
    return config, turned(root / 'train/0.png', **options)


def as_stored(config):
    for split in ('train', 'val'):
        config[f'{split}_dataloader'].dataset.pipeline[0] = AS_STORED
    return config


@pytest.mark.parametrize('orientation', [1, 3, 6, 8])
def test_the_header_has_the_orientation(tmp_path, orientation):
    path = turned(tmp_path / 'x.jpg', orientation=orientation)
    assert read_header(path)[:5] == (16, 32, 3, 8, orientation)


@pytest.mark.parametrize('exif', [b'Exif\0\0nonsense', b'Exif\0\0'])
def test_damaged_exif_data_are_no_problem(tmp_path, exif):
    Image.fromarray(noise(0)).save(tmp_path / 'x.jpg', exif=exif)
    assert read_header(tmp_path / 'x.jpg').orientation == 1


@pytest.mark.parametrize('full', [True, False])
@pytest.mark.parametrize('make', ['maps', 'boxes'])
def test_annotations_drawn_on_the_stored_image(tmp_path, make, full):
    """mmcv reads the image upright, so they do not fit."""
    if make == 'maps':
        config, _ = maps(tmp_path, (32, 16))
        what = 'maps/train/0.png: the class map is 16x32, the image 32x16'
    else:
        config, _ = boxes(tmp_path, 16, 32)
        what = 'train/0.png: it is 32x16, its annotations are for 16x32'
    errors = errors_of(config, full)
    assert len(errors) == 1
    assert f'{what} (EXIF orientation 6, read turned upright)' in errors[0]
    assert "set color_type='color_ignore_orientation'" in errors[0]
    # The cure helps.
    assert errors_of(as_stored(config), full) == []


@pytest.mark.parametrize('make', ['maps', 'boxes'])
def test_annotations_drawn_on_the_upright_image(tmp_path, make):
    if make == 'maps':
        config, _ = maps(tmp_path, (16, 32))
    else:
        config, _ = boxes(tmp_path, 32, 16)
    errors, warnings = found(config)
    assert errors == [] and 'EXIF' not in ''.join(warnings)
    errors = errors_of(as_stored(config))
    assert len(errors) == 1
    assert '(EXIF orientation 6, read as it is stored)' in errors[0]


@pytest.mark.parametrize('make', ['maps', 'boxes'])
@pytest.mark.parametrize(
    ('size', 'orientation'), [((32, 16), 3), ((32, 32), 6), ((32, 16), 2)]
)
def test_sizes_that_do_not_show_it(tmp_path, make, size, orientation):
    options = dict(size=size, orientation=orientation)
    if make == 'maps':
        config, path = maps(tmp_path, size, **options)
    else:
        config, path = boxes(tmp_path, size[1], size[0], **options)
    errors, warnings = found(config)
    assert errors == []
    message = f'1 image has an EXIF orientation (1 x {orientation}), read '
    (warning,) = [w for w in warnings if 'EXIF' in w]
    assert f'{message}turned upright' in warning and str(path) in warning
    (warning,) = [w for w in found(as_stored(config))[1] if 'EXIF' in w]
    assert f'{message}as stored' in warning


def test_labels_of_whole_images_do_not_turn(tmp_path):
    config = classification(tmp_path)
    turned(tmp_path / 'train/a/0.png', orientation=3)
    assert found(config) == ([], [])


def test_a_large_image_is_not_decoded_but_turned(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, '_LARGE', 100)
    upright, _ = boxes(tmp_path, 32, 16)
    assert errors_of(upright, full=False) == []
    stored, _ = boxes(tmp_path, 16, 32)
    (error,) = errors_of(stored, full=False)
    assert 'read turned upright' in error
