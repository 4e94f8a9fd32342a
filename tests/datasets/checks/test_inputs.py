"""What reaches the model is what it takes, and what its heads ignore."""

import numpy as np
import pytest
from PIL import Image

from tests.datasets.checks.made import (
    classification,
    errors_of,
    found,
    segmentation,
    warnings_of,
)

ROTATE = dict(type='RandomRotate', prob=1, degree=9, seg_pad_val=0)
CUT_OUT = dict(
    type='RandomCutOut', prob=1, n_holes=1, cutout_shape=(2, 2), seg_fill_in=0
)


def read_as(config, **step):
    for split in ('train', 'val'):
        loader = config[f'{split}_dataloader']
        loader.dataset.pipeline[0] = dict(type='LoadImageFromFile', **step)


def backbone(config, **settings):
    config.model.backbone = dict(type='mmpretrain.HybridNet', **settings)


def normalised(config, *mean):
    config.model.data_preprocessor = dict(mean=list(mean), std=list(mean))


@pytest.mark.parametrize('wanted', [1, 4])
def test_channels_of_another_number(tmp_path, wanted):
    config = segmentation(tmp_path)
    backbone(config, in_channels=wanted)
    errors = errors_of(config, full=False)
    assert len(errors) == 2  # one a split
    image = tmp_path / 'images/train/0.png'
    assert f'{image}: has 3 channels' in errors[0]
    assert f'model.backbone.in_channels is {wanted} (as in 4 of 4' in errors[0]


def test_channels_of_the_default(tmp_path):
    config = segmentation(tmp_path)
    for path in tmp_path.glob('images/*/*.png'):
        Image.open(path).convert('RGBA').save(path)
    backbone(config)
    assert found(config, full=False) == ([], [])
    read_as(config, color_type='unchanged')
    error, _ = errors_of(config)
    assert 'has 4 channels' in error and 'in_channels is 3' in error
    backbone(config, in_channels=4)
    assert errors_of(config) == []
    normalised(config, 1, 2, 3)
    assert 'data_preprocessor.mean has 3 values' in errors_of(config)[0]


def test_one_channel_and_three_values_of_the_mean_make_three(tmp_path):
    config = segmentation(tmp_path)
    read_as(config, color_type='grayscale')
    normalised(config, 1, 2, 3)
    backbone(config)
    assert errors_of(config) == []
    backbone(config, in_channels=1)
    error, _ = errors_of(config)
    assert 'in_channels is 1, and model.data_pre' in error


def test_a_later_step_may_drop_channels(tmp_path):
    config = classification(tmp_path)
    backbone(config, in_channels=1)
    for split in ('train', 'val'):
        config[f'{split}_dataloader'].dataset.pipeline += [
            dict(type='Grey'),
            dict(type='PackInputs'),
        ]
    from mmpretrain.registry import TRANSFORMS

    def grey(data):
        return dict(data, img=data['img'][..., :1])

    TRANSFORMS.register_module('Grey', module=lambda: grey, force=True)
    try:
        assert errors_of(config) == []
    finally:
        TRANSFORMS.module_dict.pop('Grey')


@pytest.mark.parametrize(
    ('padded', 'message'),
    [
        (255, 'a padded class map ends the training -> set it to 200'),
        (1, 'is 1, class 1'),
        (200, None),
    ],
)
def test_padding_that_is_not_ignored(tmp_path, padded, message):
    ignored = dict(ignore_index=200)
    config = segmentation(tmp_path)
    config.model.decode_head |= ignored
    config.model.auxiliary_head |= ignored
    config.model.data_preprocessor = dict(size=(64, 64), seg_pad_val=padded)
    warnings = warnings_of(config)
    assert [message in w for w in warnings] == ([True] if message else [])
    if message:
        assert 'model.data_preprocessor.seg_pad_val' in warnings[0]


@pytest.mark.parametrize(
    ('step', 'place'),
    [
        (dict(type='Pad', size=(64, 64), pad_val=dict(seg=0)), 'pad_val.seg'),
        (ROTATE, 'seg_pad_val'),
        (CUT_OUT, 'seg_fill_in'),
    ],
)
def test_steps_that_pad(tmp_path, step, place):
    config = segmentation(tmp_path)
    config.train_dataloader.dataset.pipeline.append(step)
    (warning,) = warnings_of(config)
    assert f'pipeline[2].{place}: is 0, class 0' in warning


def test_class_maps_of_jpeg_and_of_fractions(tmp_path):
    config = segmentation(tmp_path)
    for path in tmp_path.glob('maps/*/*.png'):
        labels = np.asarray(Image.open(path))
        Image.fromarray(labels).save(path.with_suffix('.jpg'), quality=100)
        fractions = Image.fromarray(labels.astype('f') / 2)
        fractions.save(path.with_suffix('.tif'))
        whole = Image.fromarray(labels.astype('f'))
        whole.save(path.with_suffix('.tiff'))
    results = {}
    for suffix in ('.jpg', '.tif', '.tiff'):
        for split in ('train', 'val'):
            dataset = config[f'{split}_dataloader'].dataset
            dataset.seg_map_suffix = suffix
        results[suffix] = found(config)
    assert 'JPEG' in results['.jpg'][1][0]
    assert 'has fractions' in results['.tif'][0][0]
    assert results['.tiff'] == ([], [])
