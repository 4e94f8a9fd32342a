"""Labels, lists and folders: what is listed is there, and what is left out."""

import json

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from tests.datasets.checks.made import (
    LOAD,
    classification,
    errors_of,
    found,
    noise,
    save,
    segmentation,
    warnings_of,
)


def listed(root, text, **dataset):
    """A classifier on a list of images and labels."""
    config = classification(root)
    (root / 'list.txt').write_text(text)
    for split in ('train', 'val'):
        loader = config[f'{split}_dataloader']
        loader.dataset.update(ann_file='list.txt', data_prefix=split)
        loader.dataset.update(dataset)
    return config


def lines(first=0):
    return [
        f'{name}/{i}.png {k}'
        for k, name in enumerate('abc', first)
        for i in range(2)
    ]


@pytest.mark.parametrize('end', ['\n', '\r\n'])
def test_lists_that_mmpretrain_reads(tmp_path, end):
    text = end.join(lines())
    assert found(listed(tmp_path, text)) == ([], [])
    assert found(listed(tmp_path, text + end)) == ([], [])
    named = listed(tmp_path, text, metainfo=dict(classes=tuple('abc')))
    assert found(named) == ([], [])


def test_labels_from_1(tmp_path):
    errors, warnings = found(listed(tmp_path, '\n'.join(lines(1))))
    assert f'{tmp_path}/list.txt:5: has label 3, expected 0 to 2' in errors[0]
    assert 'subtract 1 from all of them' in errors[0]
    assert '1 of 3 classes never occurs: 0' in warnings[0]


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('', 'is an empty line, expected an image, a space and a label'),
        ('a/0.png', "is 'a/0.png', expected an image, a space and"),
        ('a/0.png a', "is 'a/0.png a', expected"),
        ('a/0.png 1.5', "is 'a/0.png 1.5', expected"),
    ],
)
def test_invalid_lines(tmp_path, line, message):
    text = lines()
    text.insert(3, line)
    errors = errors_of(listed(tmp_path, '\n'.join(text)))
    assert f'{tmp_path}/list.txt:4: {message}' in errors[0]


def test_a_missing_listed_file(tmp_path):
    text = '\n'.join([*lines(), 'c/9.png 2'])
    errors = errors_of(listed(tmp_path, text))
    assert f'{tmp_path}/train/c/9.png (line 7)' in errors[0]


def split_list(root, text):
    config = segmentation(root)
    (root / 'val.txt').write_bytes(text)
    config.val_dataloader.dataset.ann_file = 'val.txt'
    return config


@pytest.mark.parametrize('text', [b'0\n1\n', b'0\r\n1\r\n', b'0\n 1 ', b'2'])
def test_lists_that_mmseg_reads(tmp_path, text):
    assert errors_of(split_list(tmp_path, text)) == []


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (b'0.png\n1.png\n', 'list them without a suffix'),
        (b'0\n\n1\n', 'val.txt:2: is an empty line, expected a name'),
        (b'0\n1\n9\n', 'validation/9.png (line 3)'),
    ],
)
def test_lists_that_name_no_files(tmp_path, text, message):
    (error,) = errors_of(split_list(tmp_path, text))
    assert message.replace('validation', 'val') in error


def test_several_labels_an_image(tmp_path):
    """mmpretrain's own JSON is not COCO's."""
    labels = [[0, 1], [0], [1], [0, 1]]
    for k in range(4):
        save(tmp_path / f'train/{k}.png', noise(k))
    items = [
        dict(img_path=f'{k}.png', gt_label=those)
        for k, those in enumerate(labels)
    ]
    content = dict(metainfo=dict(classes=['A', 'B']), data_list=items)
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(content))
    dataset = dict(
        type='MultiLabelDataset',
        data_root=str(tmp_path),
        ann_file='train.json',
        data_prefix=dict(img_path='train'),
        pipeline=[LOAD],
    )
    head = dict(type='MultiLabelLinearClsHead', num_classes=2)
    config = Config(
        dict(
            default_scope='mmpretrain',
            model=dict(head=head),
            train_dataloader=dict(dataset=dataset),
        )
    )
    assert found(config) == ([], [])
    items[1]['gt_label'] = [2]
    path.write_text(json.dumps(content))
    (error,) = errors_of(config)
    assert 'train.json: sample 1: has label 2, expected 0 to 1' in error


def test_what_suffixes_pass_over(tmp_path):
    config = classification(tmp_path, with_label=False)
    for k, suffix in enumerate(('webp', 'tiff')):
        for i in range(2 + k):
            path = tmp_path / f'train/a/x{i}.{suffix}'
            Image.fromarray(noise(50 + i)).save(path)
    (warning,) = warnings_of(config)
    assert (
        '5 images are not used because of the suffix (3 .tiff, 2 .webp)'
        in warning
    )
    assert "set extensions=(..., '.tiff', '.webp')" in warning
    kinds = ('.png', '.tiff', '.webp')
    config.train_dataloader.dataset.extensions = kinds
    assert 'suffix' not in ''.join(warnings_of(config))


def test_what_a_segmentor_passes_over(tmp_path):
    config = segmentation(tmp_path)
    save(tmp_path / 'images/train/x.bmp', noise(9))
    save(tmp_path / 'maps/train/widow.png', noise(9)[..., 0] % 2)
    passed, widow = warnings_of(config)
    assert '1 image is not used because of the suffix (1 .bmp)' in passed
    assert f'1 class map has no image: {tmp_path}/maps/train/wid' in widow


def among_the_images(root, suffix):
    """Class maps as 0_mask.png beside images with a suffix."""
    config = segmentation(root)
    for split in ('train', 'val'):
        for k in range(4):
            folder = root / f'images/{split}'
            (root / f'maps/{split}/{k}.png').rename(folder / f'{k}_mask.png')
            (folder / f'{k}.png').rename(folder / f'{k}{suffix}')
        config[f'{split}_dataloader'].dataset.update(
            data_prefix=dict.fromkeys(
                ('img_path', 'seg_map_path'), f'images/{split}'
            ),
            seg_map_suffix='_mask.png',
            img_suffix=suffix,
        )
    return config


def test_class_maps_among_the_images(tmp_path):
    assert found(among_the_images(tmp_path / 'jpg', '.jpg')) == ([], [])
    train, _ = errors_of(among_the_images(tmp_path / 'png', '.png'))
    assert '4 listed files are not there' in train
    assert 'class maps lie among the images' in train


def test_an_image_without_a_class_map(tmp_path):
    config = segmentation(tmp_path)
    (tmp_path / 'maps/train/1.png').unlink()
    (error,) = errors_of(config)
    assert f'1 listed file is not there: {tmp_path}/maps/train/1' in error
    assert 'each image needs a class map of the same' in error
    # A test without the truth needs none.
    config.train_dataloader.dataset.pipeline = [LOAD]
    assert errors_of(config) == []


def test_class_maps_that_would_be_written_into_one_file(tmp_path):
    config = segmentation(tmp_path)
    for folder in ('images', 'maps'):
        save(tmp_path / folder / 'val/more/1.png', np.eye(32))
    assert errors_of(config) == []
    config.val_evaluator.output_dir = str(tmp_path / 'out')
    (error,) = errors_of(config)
    assert '1 name is shared' in error and f'{tmp_path}/out: 1 ->' in error


def test_a_hidden_folder_is_no_class(tmp_path):
    config = classification(tmp_path)
    save(tmp_path / 'train/.ipynb_checkpoints/1-checkpoint.png', noise(77))
    (error,) = errors_of(config)
    assert error.startswith(f'train {tmp_path}/train/.ipynb_checkpoints: ')
    assert error.endswith('-> delete it')


def test_a_hidden_folder_in_a_class(tmp_path):
    config = classification(tmp_path)
    save(tmp_path / 'train/a/.ipynb_checkpoints/1.png', noise(77))
    errors, warnings = found(config)
    assert errors == []
    assert '1 image in it is used' in warnings[0]


@pytest.mark.parametrize('make', [classification, segmentation])
def test_companions_of_another_system(tmp_path, make):
    """AppleDouble files, which are no images; mmengine passes over them."""
    config = make(tmp_path)
    for path in [*tmp_path.rglob('0.png')]:
        companion = path.with_name(f'._{path.name}')
        companion.write_bytes(b'\0\5\x16\7' + bytes(56))
    assert found(config) == ([], [])


def test_missing_folders(tmp_path):
    config = classification(tmp_path)
    config.train_dataloader.dataset.data_root = str(tmp_path / 'absent')
    config.val_dataloader.dataset.data_prefix = 'other'
    train, val = errors_of(config)
    assert train.startswith(f'train {tmp_path}/absent: does not exist')
    assert '--data-root DIR' in train
    assert val.startswith(f'val {tmp_path}/other: does not exist')


def test_a_class_folder_without_an_image(tmp_path):
    config = classification(tmp_path)
    for path in (tmp_path / 'train/b').iterdir():
        path.unlink()
    errors, warnings = found(config)
    assert errors == []
    assert '1 of 3 classes never occurs: b' in warnings[0]


def test_data_inside_wrappers(tmp_path):
    config = classification(tmp_path)
    plain = config.train_dataloader.dataset
    absent = dict(plain, data_root=str(tmp_path / 'absent'))
    joined = dict(type='ConcatDataset', datasets=[plain, absent])
    config.train_dataloader.dataset = dict(
        type='RepeatDataset', times=2, dataset=joined
    )
    (error,) = errors_of(config)
    assert 'absent: does not exist' in error
    config.model.head.num_classes = 2
    place = 'the data of train_dataloader.dataset.dataset.datasets[0] have 3'
    assert place in errors_of(config)[0]


def test_a_folder_without_class_folders(tmp_path):
    config = classification(tmp_path)
    for k in range(3):
        save(tmp_path / f'flat/{k}.png', noise(k))
    config.train_dataloader.dataset.data_prefix = 'flat'
    (error,) = errors_of(config)
    assert 'images must lie in class folders' in error


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ([[1, 0], [0, 1], [1, 1]], 'a 0 or 1 for each class'),
        ([['a'], ['b'], ['a']], "the label is ['a'], expected the number"),
    ],
)
def test_labels_in_another_form(tmp_path, labels, message):
    samples = [
        dict(img_path=f'{k}.png', gt_label=those)
        for k, those in enumerate(labels)
    ]
    for k in range(3):
        save(tmp_path / f'{k}.png', noise(k))
    content = dict(metainfo=dict(classes=['a', 'b']), data_list=samples)
    (tmp_path / 'labels.json').write_text(json.dumps(content))
    dataset = dict(
        type='MultiLabelDataset',
        data_root=str(tmp_path),
        ann_file='labels.json',
        pipeline=[LOAD],
    )
    config = dict(
        default_scope='mmpretrain', train_dataloader=dict(dataset=dataset)
    )
    (error,) = errors_of(Config(config))
    assert message in error and '.png: ' in error


def test_images_that_no_library_reads_by_default(tmp_path):
    config = classification(tmp_path)
    Image.fromarray(noise(9)).save(tmp_path / 'train/a/9.gif')
    (tmp_path / 'train/a/8.heic').write_bytes(b'0')
    (warning,) = warnings_of(config, full=False)
    assert (
        '2 images are not used because of the suffix (1 .heic, 1 .gif)'
        in warning
    )


def test_no_image_has_the_suffix(tmp_path):
    config = segmentation(tmp_path)
    for path in (tmp_path / 'images/val').iterdir():
        path.rename(path.with_suffix('.PNG'))
    (error,) = errors_of(config)
    assert 'holds no images named *.png, but 4 *.PNG -> set img' in error
    for path in (tmp_path / 'images/val').iterdir():
        path.unlink()
    (error,) = errors_of(config)
    assert 'holds no images named *.png -> put images there' in error
