"""Images that are decoded once."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import TRANSFORMS

from mmmap.datasets.image_memory import LoadImageOnce
from mmmap.datasets.image_reader import PLAIN, ImageReader, loading_steps
from mmmap.export.recipe import _steps


@pytest.fixture
def files(tmp_path):
    """Paths of two images of 4 x 6 pixels, of one value each."""
    paths = [str(tmp_path / f'{value}.png') for value in (10, 20)]
    for path, value in zip(paths, (10, 20)):
        cv2.imwrite(path, np.full((4, 6, 3), value, np.uint8))
    return paths


def read(load, path):
    return load(dict(img_path=path))


def test_images_are_read_once(files):
    load = LoadImageOnce()
    first = read(load, files[0])
    first['img'][:] = 99  # as a transform might
    cv2.imwrite(files[0], np.zeros((4, 6, 3), np.uint8))
    again = read(load, files[0])
    assert np.unique(again['img']).tolist() == [10]
    assert again['img_shape'] == again['ori_shape'] == (4, 6)
    assert first.keys() == again.keys()
    again['img'][:] = 99
    assert np.unique(read(load, files[0])['img']).tolist() == [10]


def test_memory_is_bounded(files):
    load = LoadImageOnce(max_bytes=4 * 6 * 3)
    for path, value in zip(files, (10, 20)):
        assert np.unique(read(load, path)['img']).tolist() == [value]
    assert list(load.kept) == files[:1]
    cv2.imwrite(files[1], np.zeros((4, 6, 3), np.uint8))
    assert np.unique(read(load, files[1])['img']).tolist() == [0]


def test_other_pipelines_do_not_keep_images(files):
    """They read as training does, but from the file."""
    assert loading_steps(config('LoadImageOnce')) == PLAIN
    grey = config('LoadImageOnce', color_type='grayscale', max_bytes=9)
    assert loading_steps(grey) == [dict(PLAIN[0], color_type='grayscale')]
    reader = ImageReader(grey)
    assert reader.read(files[0])['img'].shape == (4, 6)
    cv2.imwrite(files[0], np.zeros((4, 6, 3), np.uint8))
    assert np.unique(reader.read(files[0])['img']).tolist() == [0]


def test_exported_models_read_files():
    """Without mmcv there is no memory of images either."""
    assert _steps(Config(config('LoadImageOnce'))) == ([], None)


@pytest.mark.parametrize(
    ('kind', 'scope'),
    [('LoadImageChannels', None), ('LoadImageFromNDArray', 'mmdet')],
)
def test_steps_are_found_in_other_scopes(kind, scope):
    (step,) = loading_steps(config(kind))
    assert step['type'] == (f'{scope}.{kind}' if scope else kind)
    for other in ('mmdet', 'mmseg', 'mmpretrain'):
        with TRANSFORMS.switch_scope_and_registry(other) as kinds:
            assert kinds.get(step['type']).__name__ == kind


def config(kind, **settings):
    pipeline = [dict(type=kind, **settings), dict(type='PackDetInputs')]
    dataset = dict(type='CocoDataset', pipeline=pipeline)
    return dict(default_scope='mmdet', test_dataloader=dict(dataset=dataset))
