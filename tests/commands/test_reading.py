"""Images of 16 bits and of many channels, from the file to the prediction."""

import json

import cv2
import numpy as np
import pytest
import tifffile
from mmengine.config import Config
from PIL import Image

import mmmap
from mmmap.commands.images import look
from mmmap.commands.reading import statistics, way_of
from mmmap.datasets.channels import LoadImageChannels
from mmmap.datasets.image_files import read_channels, read_header
from mmmap.errors import InputError
from tests.commands import made
from tests.commands.conftest import call

SHORT = ('--epochs', '1', '--repeat', '1', '--batch', '4')


def tiff(path, array, planar='contig', **options):
    """Pixels (H, W, C) as a TIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = array if planar == 'contig' else array.transpose(2, 0, 1)
    if array.shape[2] == 1:
        stored, planar = array[..., 0], None
    kind = 'rgb' if array.shape[2] == 3 else 'minisblack'
    options = dict(compression='zlib', photometric=kind) | options
    tifffile.imwrite(path, stored, planarconfig=planar, **options)
    return path


def bands(seed, channels=4, size=(48, 64)):
    """Values of 16 bits; the red and the blue box are in the last channel."""
    _, labels = made.scene(seed, size)
    rng = np.random.default_rng(seed)
    image = rng.integers(900, 1100, (*size, channels), dtype=np.uint16)
    image[..., -1] += labels.astype(np.uint16) * 1000
    return image, labels


def folder(root, count=8, channels=4):
    for k in range(count):
        image, labels = bands(k, channels)
        tiff(root / f'photos/{"abcdefgh"[k]}.tif', image)
        made.save(root / f'masks/{"abcdefgh"[k]}.png', labels)
    return root


@pytest.mark.parametrize('planar', ['contig', 'separate'])
@pytest.mark.parametrize('kind', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('channels', [1, 2, 3, 4, 5, 13])
def test_tiffs_of_all_kinds(tmp_path, channels, kind, planar):
    rng = np.random.default_rng(0)
    array = (rng.random((20, 30, channels)) * 200).astype(kind)
    path = tiff(tmp_path / 'a.tif', array, planar)
    header = read_header(path)
    assert header[:3] == (30, 20, channels)
    assert header.dtype == np.dtype(kind).name
    assert header.colour == (kind == np.uint8 and channels in (1, 3))
    found = read_channels(path)
    assert found.dtype == kind
    assert (found == array).all()


def test_png_of_16_bits_keeps_them(tmp_path):
    array = np.arange(20 * 30 * 3, dtype=np.uint16).reshape(20, 30, 3) * 30
    path = tmp_path / 'ä.png'
    path.write_bytes(cv2.imencode('.png', array[..., ::-1])[1])
    assert read_header(path)[2:] == (3, 16, 1, 'uint16', False)
    assert (read_channels(path) == array).all()


def test_transparency_is_no_channel_of_its_own(tmp_path):
    array = np.zeros((8, 8, 4), np.uint8)
    made.save(tmp_path / 'a.png', array)
    assert read_header(tmp_path / 'a.png').colour
    path = tiff(
        tmp_path / 'a.tif',
        array,
        photometric='rgb',
        extrasamples=['unassalpha'],
    )
    assert read_header(path).colour
    path = tiff(
        tmp_path / 'b.tif',
        array,
        photometric='rgb',
        extrasamples=['unspecified'],
    )
    assert not read_header(path).colour


def test_tiffs_are_turned_upright(tmp_path):
    array = np.arange(6 * 4 * 4, dtype=np.uint16).reshape(6, 4, 4)
    turned = [(274, 'H', 1, 6, True)]  # to be turned clockwise
    path = tiff(tmp_path / 'a.tif', array, extratags=turned)
    assert (read_channels(path) == np.rot90(array, -1)).all()


def test_lzw_without_its_decoder_says_what_to_do(tmp_path):
    image = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    image.save(tmp_path / 'a.tif', compression='tiff_lzw')
    assert read_channels(tmp_path / 'a.tif').shape == (8, 8, 3)  # by OpenCV


def test_statistics_are_those_of_the_values(tmp_path):
    images = look(folder(tmp_path) / 'photos')
    assert way_of(images, None)[0] == 'channels'
    found = statistics(images)
    values = np.stack([bands(k)[0] for k in range(8)]).astype(float)
    # In the order in which they are loaded.
    order = [2, 1, 0, 3]
    assert found['mean'] == pytest.approx(
        values.mean((0, 1, 2))[order], rel=0.01
    )
    assert found['std'] == pytest.approx(
        values.std((0, 1, 2))[order], rel=0.05
    )
    assert (found['channels'], found['dtype']) == (4, 'uint16')


def test_different_kinds_are_refused(tmp_path):
    folder(tmp_path, 3)
    tiff(tmp_path / 'photos/z.tif', bands(0, 5)[0])
    with pytest.raises(InputError, match='3 of 4 x uint16, 1 of 5 x uint16'):
        way_of(look(tmp_path / 'photos'), None)


def test_grey_of_16_bits_beside_colour_is_read_as_colour(tmp_path):
    tiff(tmp_path / 'a.tif', bands(0, 1)[0])
    made.save(tmp_path / 'b.jpg', made.scene(0)[0])
    way, why = way_of(look(tmp_path), None)
    assert way == 'colour'
    assert 'only the upper 8 bits' in why
    with pytest.raises(InputError, match='cannot be read in this way'):
        way_of(look(tmp_path), 'channels')


def test_another_kind_than_that_of_training_is_refused(tmp_path):
    step = LoadImageChannels(3, 'uint16')
    made.save(tmp_path / 'a.png', made.scene(0)[0])
    with pytest.raises(InputError, match='3 channels of uint8, expected 3 of'):
        step(dict(img_path=str(tmp_path / 'a.png')))


@pytest.mark.slow
def test_segment_learns_from_the_fourth_channel(tmp_path, capsys):
    folder(tmp_path)
    folders = ('--images', tmp_path / 'photos', '--masks', tmp_path / 'masks')
    options = ('--epochs', '1', '--repeat', '40', '--batch', '8')
    run = tmp_path / 'run'
    assert call('segment', *folders, *options, '--patch', 8, '--out', run) == 0
    assert 'all images have 4 x uint16' in capsys.readouterr().out
    config = Config.fromfile(run / 'config.py')
    assert config.model.backbone.in_channels == 4
    assert config.model.data_preprocessor.bgr_to_rgb is False
    out = tmp_path / 'out'
    assert call('predict', run, tmp_path / 'photos', '--out', out) == 0
    right = [
        np.mean(
            np.asarray(Image.open(out / f'class_maps/{"abcdefgh"[k]}.png'))
            == bands(k)[1]
        )
        for k in range(8)
    ]
    assert np.mean(right) > 0.8
    # The same as pixels, and others refused.
    (result,) = mmmap.predict(run, bands(0)[0])
    assert (result['class_map'] == bands(0)[1]).mean() > 0.8
    with pytest.raises(InputError, match='expected 4 of uint16'):
        mmmap.predict(run, bands(0, 3)[0])
    line = json.loads((out / 'predictions.jsonl').read_text().split('\n')[0])
    assert line['width'] == 64


@pytest.mark.slow
@pytest.mark.parametrize('channels', [1, 6])
def test_pretrain_and_start_with_as_many_channels(tmp_path, channels, capsys):
    folder(tmp_path, 6, channels)
    pre = ('pretrain', tmp_path / 'photos', '--out', tmp_path / 'pre')
    assert call(*pre, *SHORT, '--patch', '8') == 0
    folders = ('--images', tmp_path / 'photos', '--masks', tmp_path / 'masks')
    start = ('--start', tmp_path / 'pre', '--out', tmp_path / 'run')
    assert call('segment', *folders, *SHORT, *start) == 0
    colour = made.folder(tmp_path / 'colour', 4)
    if channels == 3:
        return
    folders = ('--images', colour / 'photos', '--masks', colour / 'masks')
    start = ('--start', tmp_path / 'pre', '--out', tmp_path / 'no')
    assert call('segment', *folders, *start) == 1
    output = capsys.readouterr().err
    assert f'was pretrained on images with {channels} channels' in output


@pytest.mark.slow
def test_classify_and_detect_read_all_channels(tmp_path):
    for name, last in dict(low=900, high=3000).items():
        for k in range(4):
            image, _ = bands(k, 2)
            image[..., -1] = last
            tiff(tmp_path / f'kinds/{name}/{"abcd"[k]}.tif', image)
    run = tmp_path / 'classes'
    assert call('classify', tmp_path / 'kinds', '--out', run, *SHORT) == 0
    made.coco(tmp_path, 6)
    for k in range(6):
        tiff(tmp_path / f'bands/{k}.tif', bands(k, 5)[0])
    file = tmp_path / 'boxes.json'
    file.write_text(file.read_text().replace('.png', '.tif'))
    data = ('--images', tmp_path / 'bands', '--coco', file)
    run = tmp_path / 'boxes'
    assert call('detect', *data, '--out', run, *SHORT) == 0
    assert Config.fromfile(run / 'config.py').model.backbone.in_channels == 5


def test_channels_that_are_pages(tmp_path):
    array = np.arange(40 * 30 * 5, dtype=np.uint16).reshape(40, 30, 5)
    # As tifffile writes it by default: 40 pages of 30 x 5.
    tifffile.imwrite(tmp_path / 'a.tif', array, photometric='minisblack')
    planes = array.transpose(2, 0, 1)
    tifffile.imwrite(tmp_path / 'b.tif', planes, photometric='minisblack')
    for name in ('a.tif', 'b.tif'):
        header = read_header(tmp_path / name)
        assert header[:4] == (30, 40, 5, 16)
        assert header.dtype == 'uint16'
        assert (read_channels(tmp_path / name) == array).all()


def test_a_stack_of_images_is_refused(tmp_path):
    array = np.zeros((90, 80, 70), np.uint16)
    tifffile.imwrite(tmp_path / 'a.tif', array, photometric='minisblack')
    problem = read_header(tmp_path / 'a.tif')
    assert 'a stack of shape (90, 80, 70), expected one image' in problem


def test_masks_of_another_size_are_named(tmp_path, capsys):
    made.folder(tmp_path, 4)
    made.save(tmp_path / 'masks/Straße a süd.png', np.eye(9, dtype=np.uint8))
    folders = ('--images', tmp_path / 'photos', '--masks', tmp_path / 'masks')
    assert call('segment', *folders, '--out', tmp_path / 'run') == 1
    output = capsys.readouterr().err
    assert 'Straße a süd.png is 9x9, its image 64x48' in output
    assert '1 of 4 masks have another size' in output


def test_one_class_is_none_to_tell_apart(tmp_path, capsys):
    made.folder(tmp_path, 4)
    for file in (tmp_path / 'masks').iterdir():
        made.save(file, np.ones((48, 64), np.uint8))
    folders = ('--images', tmp_path / 'photos', '--masks', tmp_path / 'masks')
    assert call('segment', *folders, '--out', tmp_path / 'run') == 1
    assert 'the masks have only one class (class 1)' in capsys.readouterr().err
