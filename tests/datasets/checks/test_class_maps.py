"""Class maps are judged by what mmseg makes of them."""

import numpy as np
import pytest
from PIL import Image

from mmmap.datasets.checks import look_at_data, refuse
from tests.datasets.checks.made import (
    errors_of,
    found,
    noise,
    save,
    segmentation,
)


def test_shares_of_pixels(tmp_path):
    def maps(labels):
        labels[:8] = 255
        return labels

    report = look_at_data(segmentation(tmp_path, maps=maps), full=True)[1]
    assert report.tables['classes'] == dict(
        a=dict(pixels=4 * 384, share=0.375),
        b=dict(pixels=4 * 384, share=0.375),
    )
    assert report.tables['ignored pixels'] == dict(share='25.00%')


def test_255_where_a_second_class_was_meant(tmp_path):
    config = segmentation(tmp_path, maps=lambda x: np.where(x, 255, 0))
    errors, warnings = found(config)
    message = (
        'b never occurs, and 50.0% of the pixels are ignored: nothing can'
    )
    assert message in errors[0]
    assert '1 of 2 classes never occurs: b' in warnings[0]
    assert '50.0% of the pixels have the ignored value 255' in warnings[0]


def test_a_class_that_never_occurs_is_no_error(tmp_path):
    config = segmentation(tmp_path, maps=np.zeros_like)
    errors, warnings = found(config)
    assert errors == []
    assert '1 of 2 classes never occurs: b' in warnings[0]


def test_nothing_but_ignored_pixels(tmp_path):
    config = segmentation(tmp_path, maps=lambda x: np.full_like(x, 255))
    errors = errors_of(config)
    assert 'all pixels of all class maps are ignored' in errors[0]


@pytest.mark.parametrize(
    ('reduce', 'values', 'wrong'),
    [
        (False, [0, 1, 255], None),
        (False, [0, 1, 2], 'the class 2'),
        (True, [0, 1, 2, 255], None),
        (True, [0, 1, 3], 'the class 2'),
    ],
)
def test_values_beyond_the_classes(tmp_path, reduce, values, wrong):
    config = segmentation(
        tmp_path,
        maps=lambda x: np.resize(values, x.shape),
        reduce_zero_label=reduce,
    )
    errors = errors_of(config)
    assert bool(errors) == bool(wrong)
    if wrong:
        assert f'maps/train/0.png: the class map has {wrong}' in errors[0]
        assert ('set reduce_zero_label=True' in errors[0]) != reduce


def test_some_of_a_library_s_classes(tmp_path):
    """mmseg makes 255 of the others, so all 151 values may occur."""
    config = segmentation(
        tmp_path,
        classes=('wall', 'sky'),
        maps=lambda x: np.resize(range(151), x.shape),
        type='ADE20KDataset',
        reduce_zero_label=True,
    )
    errors, warnings = found(config)
    assert errors == []
    assert '98.6% of the pixels are ignored' in warnings[0]
    config.train_dataloader.dataset.metainfo.classes = ('wall', 'skies')
    assert 'this type has classes of its own' in errors_of(config)[0]


def with_ignored(tmp_path, value, heads, metric):
    def maps(labels):
        labels[:2] = value
        return labels

    config = segmentation(tmp_path, maps=maps)
    for head, ignored in zip(
        ('decode_head', 'auxiliary_head'), heads, strict=True
    ):
        config.model[head].ignore_index = ignored
    config.val_evaluator.ignore_index = metric
    return config


@pytest.mark.parametrize(
    ('heads', 'metric', 'splits'),
    [
        ((200, 200), 200, set()),
        ((200, 255), 200, {'train'}),
        ((200, 200), 255, {'val'}),
        ((255, 255), 255, {'train', 'val'}),
    ],
)
def test_another_ignored_value(tmp_path, heads, metric, splits):
    errors = errors_of(with_ignored(tmp_path, 200, heads, metric))
    assert {error.split()[0] for error in errors} == splits
    assert all('the class 200' in error for error in errors)


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        (np.zeros((16, 32)), 'the class map is 32x16, the image 32x32'),
        (
            np.zeros((32, 32, 3)),
            '3 channels, expected 1 with the number of each',
        ),
    ],
)
def test_maps_of_another_form(tmp_path, labels, message):
    config = segmentation(tmp_path)
    save(tmp_path / 'maps/train/1.png', labels)
    (error,) = errors_of(config)
    assert f'{tmp_path}/maps/train/1.png: ' in error
    assert message in error


def test_16_bits_of_which_mmseg_keeps_8(tmp_path):
    config = segmentation(tmp_path)
    path = tmp_path / 'maps/train/1.png'
    labels = np.zeros((32, 32), np.uint16)
    labels[:16] = 1
    Image.fromarray(labels).save(path)
    assert errors_of(config) == []
    labels[0] = 257  # the lower 8 bits are 1
    Image.fromarray(labels).save(path)
    (error,) = errors_of(config)
    assert 'has the value 257, of which mmseg keeps the lower 8' in error


def test_an_image_turned_by_its_camera(tmp_path):
    """OpenCV, and so training, sees it upright."""
    config = segmentation(tmp_path, img_suffix='.jpg')
    for split in ('train', 'val'):
        for k in range(4):
            image = Image.fromarray(noise(k, (32, 32)))
            image.save(tmp_path / f'images/{split}/{k}.jpg')
            (tmp_path / f'images/{split}/{k}.png').unlink()
    assert errors_of(config) == []
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(noise(0, (32, 16)))
    turned.save(tmp_path / 'images/train/0.jpg', exif=exif)
    (error,) = errors_of(config)
    assert 'the class map is 32x32, the image 32x16' in error


def test_only_a_full_look_finds_what_the_quick_one_misses(tmp_path):
    config = segmentation(tmp_path)
    for k in range(4, 120):
        save(tmp_path / f'images/train/{k}.png', noise(k, (8, 8)))
        save(tmp_path / f'maps/train/{k}.png', np.eye(8))
    bad = tmp_path / 'images/train/100.png'  # the 4th by name
    bad.write_bytes(bad.read_bytes()[:40])
    assert errors_of(config, full=False) == []
    (error,) = errors_of(config)
    assert f'{bad}: cannot be read' in error


@pytest.mark.parametrize('full', [True, False])
def test_files_with_the_same_problem_are_one_finding(tmp_path, full):
    config = segmentation(tmp_path)
    for k in range(3):
        (tmp_path / f'images/train/{k}.png').write_bytes(b'no image')
    save(tmp_path / 'maps/train/3.png', np.eye(32) * 7)
    reports = look_at_data(config, ('train',), full)
    unread, value = reports[1].errors
    first, *others = (f'{tmp_path}/images/train/{k}.png' for k in range(3))
    assert unread.where == first
    assert 'cannot be read: ' in unread.what
    assert unread.what.endswith(
        f'(3 files in all: {first}, {others[0]}, {others[1]})'
    )
    assert unread.files == (first, *others)
    assert 'the class 7' in value.what and 'files in all' not in value.what
    assert reports[1].counts['opened'] == 0
    # Each of them can be skipped in training.
    refuse(reports, skip_bad=True)


def test_classes_without_names(tmp_path):
    config = segmentation(tmp_path, metainfo=None)
    errors = errors_of(config)
    assert len(errors) == 1
    assert 'val_dataloader.dataset.metainfo.classes: is not set' in errors[0]
    save(tmp_path / 'maps/train/1.png', np.full((32, 32), 2))
    assert 'the class 2' in errors_of(config)[0]
