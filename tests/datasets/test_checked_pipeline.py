"""What the libraries do with bad files, and that errors name the file."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope
from PIL import Image

import mmmap  # noqa: F401  the libraries' registries
from mmmap.cli import is_user_error, message_of
from mmmap.datasets import checked_pipeline
from mmmap.datasets.checked_pipeline import (
    CheckedPipeline,
    SampleError,
    SkippedFiles,
)
from mmmap.engine.hooks.bad_files import check

LOAD = dict(type='LoadImageFromFile')
LABELS = dict(type='LoadAnnotations')


def picture(size=(64, 48)):
    """Smooth colours, of more than a few bytes."""
    rng = np.random.default_rng(0)
    small = rng.integers(256, size=(6, 8, 3), dtype=np.uint8)
    return Image.fromarray(cv2.resize(small, size))


@pytest.fixture
def images(tmp_path):
    """A folder of three images, of mmpretrain's layout without labels."""
    folder = tmp_path / 'images'
    folder.mkdir()
    for name in 'abc':
        picture().save(folder / f'{name}.jpg')
    return folder


def unlabelled(folder, skipped=None):
    init_default_scope('mmpretrain')
    dataset = DATASETS.build(
        dict(
            type='CustomDataset',
            data_root=str(folder),
            with_label=False,
            pipeline=[LOAD],
        )
    )
    check(dataset, skipped)
    return dataset


def halved(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


BAD = {
    'empty': lambda path: path.write_bytes(b''),
    'text': lambda path: path.write_text('no image'),
    'cut': halved,
    'gone': lambda path: path.unlink(),
    'float': lambda path: Image.fromarray(np.zeros((6, 8), np.float32)).save(
        path, 'TIFF'
    ),
}


def test_an_image_that_exif_turns_away_from_its_boxes(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture((64, 48)).save(tmp_path / 'a.jpg', exif=exif)
    sample = dict(img_path=str(tmp_path / 'a.jpg'), width=64, height=48)
    init_default_scope('mmdet')
    step = TRANSFORMS.build(dict(type='LoadImageFromFile'))
    message = (
        r'48x64, .* for 64x48 \(EXIF orientation 6, read turned upright\)'
    )
    with pytest.raises(SampleError, match=message):
        CheckedPipeline([step])(sample)
    sample.update(width=48, height=64)
    assert CheckedPipeline([step])(sample)['img'].shape == (64, 48, 3)


@pytest.mark.parametrize('kind', BAD)
@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_images_that_cannot_be_read_are_named(images, kind, suffix):
    path = images / f'b{suffix}'
    picture().save(path)
    dataset = unlabelled(images)
    index = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    BAD[kind](path)
    with pytest.raises(SampleError) as caught:
        dataset[index.index(str(path))]
    assert str(caught.value).startswith(f'{path} cannot be used: ')
    assert '--skip-bad' in str(caught.value)


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tif'])
@pytest.mark.parametrize('missing', [3, 1000])
def test_an_incomplete_file_is_named(tmp_path, suffix, missing):
    """OpenCV could fill it with grey, and does so for a file of its own."""
    path = tmp_path / f'a{suffix}'
    picture((320, 240)).save(path)
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(SampleError, match=f'a{suffix} cannot be used: '):
        unlabelled(tmp_path)[0]


# Mode, what it becomes of a pixel of the colours 200, 100, 50.
COLOURS = {
    'L': [124, 124, 124],  # 0.299 R + 0.587 G + 0.114 B
    'LA': [124, 124, 124],
    'RGBA': [200, 100, 50],  # even where it is transparent
    'CMYK': [200, 100, 50],
}


@pytest.mark.parametrize('mode', COLOURS)
def test_all_kinds_of_images_become_colour(tmp_path, mode):
    file = tmp_path / ('x.jpg' if mode == 'CMYK' else 'x.png')
    image = Image.new('RGB', (8, 6), (200, 100, 50)).convert(mode, dither=0)
    if mode == 'RGBA':
        image.putalpha(0)
    image.save(file)
    pixels = unlabelled(tmp_path)[0]['img']
    assert (pixels.shape, pixels.dtype) == ((6, 8, 3), np.uint8)
    found = pixels[0, 0, ::-1].astype(int)
    np.testing.assert_allclose(found, COLOURS[mode], atol=4)


@pytest.mark.parametrize(('value', 'becomes'), [(40000, 156), (4095, 15)])
def test_the_upper_8_of_16_bits_are_kept(tmp_path, value, becomes):
    image = np.full((6, 8), value, np.uint16)
    Image.fromarray(image).save(tmp_path / 'x.png')
    assert (unlabelled(tmp_path)[0]['img'] == becomes).all()


@pytest.fixture
def pairs(tmp_path):
    """Three images with class maps of the values 0..2."""
    for name in 'abc':
        for kind in ('images', 'maps'):
            (tmp_path / kind).mkdir(exist_ok=True)
        picture().save(tmp_path / f'images/{name}.jpg')
        labels = np.resize(np.arange(3, dtype=np.uint8), (48, 64))
        Image.fromarray(labels).save(tmp_path / f'maps/{name}.png')
    return tmp_path


def segmented(root, pipeline=(LOAD, LABELS), skipped=None, **options):
    init_default_scope('mmseg')
    import mmseg.datasets  # noqa: F401

    dataset = DATASETS.build(
        dict(
            type='BaseSegDataset',
            data_root=str(root),
            data_prefix=dict(img_path='images', seg_map_path='maps'),
            metainfo=dict(classes=('x', 'y', 'z')),
            pipeline=list(pipeline),
            **options,
        )
    )
    check(dataset, skipped)
    return dataset


RESIZE = dict(type='Resize', scale=(32, 32), keep_ratio=True)


@pytest.mark.parametrize('steps', [(LOAD, LABELS), (LOAD, RESIZE, LABELS)])
def test_class_maps_that_fit(pairs, steps):
    """Also in a test, where the truth keeps its own size."""
    sample = segmented(pairs, steps)[1]
    assert sample['gt_seg_map'].shape == (48, 64)
    assert np.unique(sample['gt_seg_map']).tolist() == [0, 1, 2]


def maps(path):
    """What can be wrong with a class map, and its errors."""
    labels = np.zeros((48, 64), np.uint8)
    other, beyond = labels[:40], labels.copy()
    beyond[3, 4] = 7
    colour = np.zeros((48, 64, 3), np.uint8)
    return [
        (other, 'the class map is 64x40, the image 64x48'),
        (colour, 'the class map has 3 channels, expected 1'),
        (beyond, 'the class map has the class 7, counted from 0, of 3 class'),
    ]


@pytest.mark.parametrize('which', range(3))
@pytest.mark.parametrize('steps', [(LOAD, LABELS), (LOAD, RESIZE, LABELS)])
def test_class_maps_that_do_not_fit(pairs, which, steps):
    path = pairs / 'maps/b.png'
    labels, expected = maps(path)[which]
    Image.fromarray(labels).save(path)
    with pytest.raises(SampleError) as caught:
        segmented(pairs, steps)[1]
    assert str(caught.value).startswith(
        f'{pairs}/images/b.jpg (class map {path}) cannot be used: {expected}'
    )


def test_void_is_no_class_too_many(pairs):
    labels = np.full((48, 64), 255, np.uint8)
    labels[0] = 3
    Image.fromarray(labels).save(pairs / 'maps/b.png')
    sample = segmented(pairs, reduce_zero_label=True)[1]
    assert np.unique(sample['gt_seg_map']).tolist() == [2, 255]


def test_a_class_map_that_cannot_be_read(pairs):
    halved(pairs / 'maps/b.png')
    with pytest.raises(SampleError, match='maps/b.png.*LoadAnnotations'):
        segmented(pairs)[1]


def coco(root, annotations, size=(64, 48)):
    """Two images; the first has these annotations."""
    init_default_scope('mmdet')
    import mmdet.datasets  # noqa: F401

    for name in 'ab':
        picture().save(root / f'{name}.jpg')
    listed = dict(width=size[0], height=size[1])
    content = dict(
        images=[
            dict(id=i, file_name=f'{name}.jpg', **listed)
            for i, name in enumerate('ab')
        ],
        annotations=[
            dict(id=i, image_id=0, category_id=1, iscrowd=0, **one)
            for i, one in enumerate(annotations)
        ],
        categories=[dict(id=1, name='x')],
    )
    (root / 'x.json').write_text(json.dumps(content))
    dataset = DATASETS.build(
        dict(
            type='CocoDataset',
            data_root=str(root),
            ann_file='x.json',
            data_prefix=dict(img=''),
            metainfo=dict(classes=('x',)),
            pipeline=[
                LOAD,
                dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            ],
            filter_cfg=dict(filter_empty_gt=True, min_size=32),
        )
    )
    check(dataset)
    return dataset


def box(x, y, width, height, **rest):
    x2, y2 = x + width, y + height
    outline = [[x, y, x2, y, x2, y2, x, y2]]
    annotation = dict(
        bbox=[x, y, width, height], area=width * height, segmentation=outline
    )
    return annotation | rest


def test_boxes_without_area_or_outside_are_no_instances(tmp_path):
    """So mmdet has it; an image without any is left out of training."""
    good, partly = box(4, 4, 20, 10), box(50, 40, 40, 40)
    bad = [box(4, 4, 0, 10), box(70, 4, 5, 5), box(1, 1, 9, 9, area=0)]
    dataset = coco(tmp_path, [good, *bad, partly])
    assert len(dataset) == 1
    boxes = dataset[0]['gt_bboxes'].tensor
    # What is partly outside stays as it is; training clips or crops it.
    assert boxes.tolist() == [[4, 4, 24, 14], [50, 40, 90, 80]]


def test_an_image_of_another_size_than_its_annotations(tmp_path):
    dataset = coco(tmp_path, [box(4, 4, 20, 10)], size=(48, 64))
    with pytest.raises(SampleError, match='64x48, its annotations .* 48x64'):
        dataset[0]


def test_an_annotation_without_an_outline(tmp_path):
    dataset = coco(tmp_path, [box(4, 4, 20, 10, segmentation=[])])
    with pytest.raises(SampleError, match="a.jpg .*KeyError: 'mask'"):
        dataset[0]


@pytest.mark.parametrize('workers', [0, 2])
def test_another_image_replaces_a_skipped_one(images, workers):
    (images / 'b.jpg').write_bytes(b'')
    skipped = SkippedFiles(images.parent / 'skipped.txt')
    loader = torch.utils.data.DataLoader(
        unlabelled(images, skipped),
        num_workers=workers,
        collate_fn=lambda batch: batch,
    )
    for _ in range(2):
        paths = [batch[0]['img_path'] for batch in loader]
        assert len(paths) == 3
        assert str(images / 'b.jpg') not in paths
    assert skipped.names() == [str(images / 'b.jpg')]
    (line,) = skipped.path.read_text().splitlines()
    assert line.startswith(f'{images}/b.jpg\tLoadImageFromFile: error: ')


def test_a_worker_s_error_is_one_sentence(images):
    (images / 'b.jpg').write_bytes(b'')
    loader = torch.utils.data.DataLoader(unlabelled(images), num_workers=1)
    with pytest.raises(SampleError) as caught:
        list(loader)
    assert is_user_error(caught.value)
    assert 'Traceback' in str(caught.value)
    message = message_of(caught.value)
    assert message.startswith(
        f'{images}/b.jpg cannot be used: LoadImageFromFile'
    )
    assert 'Traceback' not in message


def test_nothing_is_left(images, monkeypatch):
    """Where all is bad, the run ends and says so."""
    monkeypatch.setattr(checked_pipeline, '_HOPELESS', 50)
    for path in images.iterdir():
        path.write_bytes(b'')
    skipped = SkippedFiles(images.parent / 'skipped.txt')
    with pytest.raises(SampleError, match='none of the last 50 ') as caught:
        unlabelled(images, skipped)[0]
    assert is_user_error(caught.value, started=True)
    assert len(skipped.names()) == 3


def test_wrapped_data_sets_are_checked_once(images):
    from mmengine.dataset import ConcatDataset

    (images / 'a.jpg').write_bytes(b'')
    plain = unlabelled(images)
    wrapped = ConcatDataset([plain, plain])
    check(wrapped)
    with pytest.raises(SampleError) as caught:
        wrapped[3]
    assert str(caught.value).count('cannot be used') == 1
