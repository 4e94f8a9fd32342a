"""Conversion of masks into class maps."""

import numpy as np
import pytest
from PIL import Image

from mmmap.commands import masks
from mmmap.datasets import image_files
from mmmap.errors import InputError
from tests.commands.made import save


def files(root, *arrays):
    return [str(save(root / f'{k}.png', a)) for k, a in enumerate(arrays)]


def grid(*values, kind=np.uint8):
    return np.array([values], kind)


def converted(root, array, classes):
    (file,) = files(root / 'in', array)
    counts = masks.convert({'a b.jpg': file}, classes, root / 'out')
    labels = np.asarray(Image.open(root / 'out/a b.jpg.png'))
    assert (
        np.bincount(labels.ravel(), minlength=256) == counts['a b.jpg']
    ).all()
    return labels.tolist()


def test_values_with_gaps_become_classes(tmp_path):
    array = grid(7, 0, 26, 255)
    classes = masks.find_classes(files(tmp_path, array))
    assert classes.names == ['class 0', 'class 7', 'class 26']
    assert converted(tmp_path, array, classes) == [[1, 0, 2, 255]]


def test_ignored_values_get_no_class(tmp_path):
    array = grid(0, 1, 2)
    classes = masks.find_classes(files(tmp_path, array), ignore=[0])
    assert classes.names == ['class 1', 'class 2']
    assert converted(tmp_path, array, classes) == [[255, 0, 1]]


def test_black_and_white_are_background_and_foreground(tmp_path):
    array = grid(0, 255, 255)
    classes = masks.find_classes(files(tmp_path, array))
    assert classes.names == ['background', 'foreground']
    assert converted(tmp_path, array, classes) == [[0, 1, 1]]


def test_colours_are_classes(tmp_path):
    array = np.array([[(0, 0, 0), (128, 64, 128), (0, 0, 142)]], np.uint8)
    classes = masks.find_classes(files(tmp_path, array))
    assert classes.names == ['#000000', '#804080', '#00008e']
    assert classes.palette == [(0, 0, 0), (128, 64, 128), (0, 0, 142)]
    assert converted(tmp_path, array, classes) == [[0, 1, 2]]


def test_unnamed_colours_are_ignored(tmp_path):
    listed = tmp_path / 'classes.txt'
    listed.write_text('128 64 128 Straße\n0, 0, 142, parked car\n')
    array = np.array([[(9, 9, 8), (128, 64, 128), (0, 0, 142)]], np.uint8)
    classes = masks.find_classes(files(tmp_path, array), listed)
    assert classes.names == ['Straße', 'parked car']
    assert converted(tmp_path, array, classes) == [[255, 0, 1]]


def test_grey_images_in_rgb_hold_values(tmp_path):
    array = np.repeat(grid(0, 3)[..., None], 3, -1)
    assert masks.values_of(files(tmp_path, array)) == [0, 3]


def test_a_palette_does_not_change_the_values(tmp_path):
    image = Image.fromarray(grid(0, 1, 2)).convert('P')
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(tmp_path / 'p.png')
    assert masks.values_of([str(tmp_path / 'p.png')]) == [0, 1, 2]


@pytest.mark.parametrize(
    ('values', 'first'), [((0, 1, 2), 1), ((0, 1), 0), ((1, 2), 0)]
)
def test_names_without_values_start_at_0_or_1(tmp_path, values, first):
    listed = tmp_path / 'classes.txt'
    names = ['road', 'car'] if first or max(values) < 2 else ['a', 'b', 'c']
    listed.write_text('\n'.join(names))
    found = masks.find_classes(files(tmp_path, grid(*values)), listed)
    assert found.names == names
    assert min(found.numbers) == first


def test_too_few_names_are_refused(tmp_path):
    listed = tmp_path / 'classes.txt'
    listed.write_text('road\n')
    with pytest.raises(InputError, match='VALUE NAME'):
        masks.find_classes(files(tmp_path, grid(0, 5)), listed)


def test_large_maps_are_counted_in_parts(monkeypatch):
    monkeypatch.setattr(image_files, '_AT_ONCE', 20)
    labels = np.random.default_rng(0).integers(9, size=(7, 9), dtype=np.uint8)
    counts = image_files.count_values(labels, 16)
    expected = np.bincount(labels.ravel(), minlength=16)
    assert counts.tolist() == expected.tolist()


def test_photographs_are_refused_as_masks(tmp_path):
    rng = np.random.default_rng(0)
    photo = rng.integers(256, size=(32, 32, 3), dtype=np.uint8)
    with pytest.raises(InputError, match='without smoothing'):
        masks.find_classes(files(tmp_path, photo))


def test_masks_are_found_by_a_suffix_of_their_name(tmp_path):
    for name in ('straße 1_L', 'b_L', 'b_other'):
        save(tmp_path / f'{name}.png', grid(0))
    found = masks.pair(['b.jpg', 'straße 1.tif'], tmp_path)
    assert {k: v.split('/')[-1] for k, v in found.items()} == {
        'b.jpg': 'b_L.png', 'straße 1.tif': 'straße 1_L.png'
    }  # fmt: skip


def test_masks_with_other_names_are_refused(tmp_path):
    save(tmp_path / 'x.png', grid(0))
    with pytest.raises(InputError, match='has the name of an image'):
        masks.pair(['a.jpg'], tmp_path)
