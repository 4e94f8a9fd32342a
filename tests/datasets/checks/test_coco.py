"""Checks of annotations in COCO format."""

import json
import math

import pytest
from PIL import Image

from mmmap.datasets.checks import look_at_data
from mmmap.datasets.checks.coco_outlines import outline_problem
from tests.datasets.checks.made import (
    coco,
    detection,
    errors_of,
    found,
    noise,
    save,
    warnings_of,
)


def changed(change, **settings):
    content = coco(**settings)
    change(content)
    return content


def each(function):
    """Change every annotation."""

    def change(content):
        for annotation in content['annotations']:
            function(annotation)

    return change


def second(**values):
    return lambda content: content['annotations'][1].update(values)


@pytest.mark.parametrize('key', ['area', 'bbox', 'category_id', 'image_id'])
def test_keys_that_are_always_needed(tmp_path, key):
    train = changed(lambda c: c['annotations'][2].pop(key))
    (error,) = errors_of(detection(tmp_path, train=train))
    path = tmp_path / 'train.json'
    assert f'{path}: 1 annotation has no "{key}": id 3' in error


def test_iscrowd_is_needed_by_the_metric_alone(tmp_path):
    bare = changed(each(lambda a: a.pop('iscrowd')))
    assert errors_of(detection(tmp_path, train=bare)) == []
    (error,) = errors_of(detection(tmp_path, val=bare))
    assert '8 annotations have no "iscrowd": id 1, id 2' in error
    assert 'write "iscrowd": 0' in error


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"images": [', 'cannot be read as JSON'),
        ('[]', 'holds a list, expected a dict'),
        ('{"images": []}', 'has no list of categories'),
        (
            '{"images": [{"id": 1}], "annotations": [], "categories": []}',
            '1 image has no "file_name": id 1',
        ),
    ],
)
def test_files_of_another_form(tmp_path, text, message):
    config = detection(tmp_path)
    (tmp_path / 'train.json').write_text(text)
    assert any(
        f'{tmp_path}/train.json: {message}' in e for e in errors_of(config)
    )


@pytest.mark.parametrize(
    'box', ['1 1 4 3', [1, 1, 4], ['1', '1', '4', '3'], [math.nan, 1, 4, 3]]
)
def test_a_box_that_is_none(tmp_path, box):
    train = changed(second(bbox=box))
    (error,) = errors_of(detection(tmp_path, train=train))
    assert f'not four numbers [x, y, width, height]: id 2 ({box!r})' in error


def to_corners(annotation):
    x, y, w, h = annotation['bbox']
    annotation['bbox'] = [x, y, x + w, y + h]


def without_outline(annotation):
    to_corners(annotation)
    x, y, right, bottom = annotation['bbox']
    annotation['area'] = (right - x) * (bottom - y)
    del annotation['segmentation']


@pytest.mark.parametrize('change', [to_corners, without_outline])
def test_boxes_of_corners(tmp_path, change):
    """By their outlines or areas, for all of them are inside the image."""
    train = changed(each(change))
    errors = errors_of(detection(tmp_path, train=train))
    assert 'boxes look like corners [x1, y1, x2, y2]' in errors[0]


def test_boxes_as_fractions(tmp_path):
    def to_fractions(annotation):
        annotation['bbox'] = [v / 32 for v in annotation['bbox']]

    train = changed(each(to_fractions))
    errors = errors_of(detection(tmp_path, train=train))
    assert any('all boxes lie within 0 to 1' in e for e in errors)


def test_boxes_with_x_and_y_exchanged(tmp_path):
    def exchange(annotation):
        x, y, w, h = annotation['bbox']
        annotation['bbox'] = [y + 15, x, h, w]

    train = changed(each(exchange))
    errors = errors_of(detection(tmp_path, train=train))
    assert '8 of 8 boxes do not lie where the outline is' in errors[0]


def test_what_mmdet_drops(tmp_path):
    def change(content):
        first, other, third = content['annotations'][:3]
        first['bbox'] = [3, 5, 0, 8]
        other['bbox'] = [40, 5, 8, 8]
        third['image_id'] = 55

    train = changed(change)
    errors, warnings = found(detection(tmp_path, train=train))
    assert errors == []
    lost, empty, *_ = warnings
    assert '1 annotation belongs to an unlisted image' in lost
    assert '2 annotations have no area or lie outside their image' in empty
    assert 'id 1, id 2' in empty


def test_a_box_partly_outside_is_valid(tmp_path):
    outside = second(
        bbox=[28, 5, 12, 8], segmentation=[[28, 5, 40, 5, 34, 13]]
    )
    errors, warnings = found(detection(tmp_path, train=changed(outside)))
    assert errors == []
    assert '1 of 8 boxes reaches beyond the image: id 2' in warnings[0]


OUTLINES = {
    'a ring of 0 points': [[]],
    'a ring of 1 point,': [[4, 4]],
    'a ring of 2 points': [[4, 4, 9, 9]],
    'an odd number': [[4, 4, 9, 9, 4, 9, 1]],
    'is a flat list': [4, 4, 24, 4, 24, 24],
    'entries that are not numbers': [['4', '4', '9', '9', '4', '9']],
    'without counts': dict(size=[32, 32]),
    'of size [32, 16]': dict(size=[32, 16], counts=[512]),
    'do not add up': dict(size=[32, 32], counts=[5, 5]),
}


@pytest.mark.parametrize('message', OUTLINES)
def test_invalid_outlines(tmp_path, message):
    train = changed(second(segmentation=OUTLINES[message]))
    (error,) = errors_of(detection(tmp_path, train=train))
    assert message in error
    assert ': id 2 ->' in error


def test_one_bad_ring_among_good_ones():
    good = [1, 1, 9, 1, 9, 9]
    assert outline_problem([good, good], (32, 32)) == ''
    assert 'a ring of 1 point,' in outline_problem([good, [4, 4]], (32, 32))


@pytest.mark.parametrize('counts', [[100, 200, 724], 'U38h00000000000000kd0'])
def test_run_lengths_are_outlines(tmp_path, counts):
    run = second(segmentation=dict(size=[32, 32], counts=counts))
    assert errors_of(detection(tmp_path, train=changed(run))) == []


def test_outlines_are_needed_to_learn_or_evaluate_masks(tmp_path):
    bare = changed(each(lambda a: a.pop('segmentation')))
    config = detection(tmp_path, bare, bare)
    assert len(errors_of(config)) == 2
    for split in ('train', 'val'):
        config[f'{split}_dataloader'].dataset.pipeline[1].with_mask = False
    config.val_evaluator.metric = 'bbox'
    assert errors_of(config) == []


def test_annotations_numbered_from_0(tmp_path):
    content = coco(first=0)
    assert found(detection(tmp_path, train=content)) == ([], [])
    (warning,) = warnings_of(detection(tmp_path, val=content))
    assert 'val.json: annotation id 0: pycocotools always' in warning


def test_ids_that_are_used_twice(tmp_path):
    train = changed(second(id=1))
    (error,) = errors_of(detection(tmp_path, train=train))
    assert 'ids of annotations that are used more than once: 1' in error


def test_a_class_without_an_object(tmp_path):
    def change(content):
        for annotation in content['annotations']:
            annotation['category_id'] = 1

    (warning,) = warnings_of(detection(tmp_path, train=changed(change)))
    assert '1 of 2 classes never occurs: blue' in warning


def test_nothing_is_left_to_train_on(tmp_path):
    train = changed(lambda c: c.update(annotations=[]))
    errors = errors_of(detection(tmp_path, train=train))
    assert 'none of the 4 listed images is left' in errors[0]


def test_a_test_without_annotations(tmp_path):
    """As COCO's own test file, which has no such key."""
    config = detection(tmp_path)
    content = coco()
    del content['annotations']
    (tmp_path / 'val.json').write_text(json.dumps(content))
    config.val_evaluator.update(format_only=True, metric='bbox')
    config.val_dataloader.dataset.pipeline = [
        dict(type='LoadImageFromFile'),
    ]
    assert errors_of(config) == []


@pytest.mark.parametrize('form', ['{root}/train/%d.png', '../train/%d.png'])
def test_paths_that_mmdet_reads(tmp_path, form):
    def change(content):
        for k, image in enumerate(content['images']):
            image['file_name'] = form.format(root=tmp_path) % k

    assert errors_of(detection(tmp_path, train=changed(change))) == []


@pytest.mark.parametrize('suffix', ['jfif', 'webp', 'JPG', 'tiff'])
def test_suffixes_that_mmdet_reads(tmp_path, suffix):
    def change(content):
        for k, image in enumerate(content['images']):
            image['file_name'] = f'x{k}.{suffix}'

    config = detection(tmp_path, train=changed(change))
    kind = dict(jfif='JPEG', JPG='JPEG').get(suffix, suffix.upper())
    for k in range(4):
        image = Image.fromarray(noise(k))
        image.save(tmp_path / f'train/x{k}.{suffix}', kind)
    assert errors_of(config) == []


@pytest.mark.parametrize('encoding', ['utf-16', 'utf-8-sig'])
def test_other_encodings(tmp_path, encoding):
    """json.load, and so pycocotools, reads plain UTF-8 only."""
    config = detection(tmp_path)
    (tmp_path / 'train.json').write_text(json.dumps(coco()), encoding)
    (error,) = errors_of(config)
    assert error.endswith('-> save it as UTF-8 without BOM')


def test_backslashes(tmp_path):
    def change(content):
        for image in content['images']:
            image['file_name'] = '..\\train\\' + image['file_name']

    (error,) = errors_of(detection(tmp_path, train=changed(change)))
    assert '4 listed files are not there' in error
    assert 'backslashes do not separate folders here' in error


def test_an_image_of_another_size(tmp_path):
    train = changed(lambda c: c['images'][0].update(width=33))
    (error,) = errors_of(detection(tmp_path, train=train))
    assert 'train/0.png: it is 32x32, its annotations are for 33x32' in error


def test_a_large_image(tmp_path):
    """Of more pixels than Pillow opens; OpenCV reads it."""
    size = dict(width=14000, height=13000)
    train = changed(lambda c: c['images'][0].update(size))
    config = detection(tmp_path, train=train)
    Image.new('1', (14000, 13000)).save(tmp_path / 'train/0.png')
    assert errors_of(config, full=False) == []


def test_numbers_of_objects(tmp_path):
    report = look_at_data(detection(tmp_path), ('train',))[1]
    assert report.tables['classes'] == dict(
        red=dict(images=4, objects=4, share=0.5),
        blue=dict(images=4, objects=4, share=0.5),
    )
    eight = dict(smallest=8.0, median=8.0, largest=8.0)
    assert report.tables['box sizes in pixels'] == eight
    assert report.tables['mask sizes in pixels'] == eight
    assert report.tables['files'] == {'3 x 8 bits': 4}
    assert report.counts['annotations'] == 8


def test_copies_between_the_splits(tmp_path):
    config = detection(tmp_path)
    save(tmp_path / 'val/2.png', noise(3))  # as train/3.png
    assert warnings_of(config, full=False) == []
    (warning,) = warnings_of(config)
    assert '1 of 4 images is a copy of training images' in warning
    assert f'{tmp_path}/val/2.png = {tmp_path}/train/3.png' in warning


def test_no_object_is_left(tmp_path):
    """mmdet keeps images whose objects it drops, and would train on them."""
    config = detection(
        tmp_path, train=changed(each(lambda a: a.update(area=0)))
    )
    errors = errors_of(config)
    assert 'no object is left in 4 images' in errors[-1]


VOC = """
<annotation><size><width>32</width><height>32</height></size><object>
<name>{name}</name><bndbox><xmin>3</xmin><ymin>5</ymin><xmax>11</xmax>
<ymax>13</ymax></bndbox></object></annotation>
"""


@pytest.mark.parametrize(('name', 'number'), [('red', 0), ('Red', 1)])
def test_objects_of_xml_files(tmp_path, name, number):
    config = detection(tmp_path)
    config.train_dataloader.dataset = dict(
        type='XMLDataset',
        data_root=str(tmp_path),
        ann_file='train.txt',
        img_subdir='train',
        ann_subdir='xml',
        data_prefix=dict(sub_data_root=''),
        metainfo=dict(classes=('red', 'blue')),
        pipeline=[dict(type='LoadImageFromFile')],
    )
    (tmp_path / 'train.txt').write_text('0\n1\n')
    (tmp_path / 'xml').mkdir()
    for k in range(2):
        (tmp_path / f'xml/{k}.xml').write_text(VOC.format(name=name))
        save(tmp_path / f'train/{k}.jpg', noise(k))
    errors, warnings = found(config)
    assert len(errors) == number
    texts = errors if number else warnings
    message = 'no object is left' if number else 'never occurs: blue'
    assert message in texts[0]
