"""Names and order of classes agree everywhere, or the check says where not."""

import json

import pytest
import torch

from tests.datasets.checks.made import (
    classification,
    coco,
    detection,
    errors_of,
    found,
    noise,
    save,
    segmentation,
    warnings_of,
)


@pytest.mark.parametrize('make', [detection, segmentation, classification])
def test_data_that_are_right(tmp_path, make):
    assert found(make(tmp_path)) == ([], [])


def test_mmdet_numbers_labels_by_the_json(tmp_path):
    errors = errors_of(detection(tmp_path, classes=('blue', 'red')))
    assert len(errors) == 2
    assert 'is (blue, red), but mmdet numbers labels' in errors[0]
    assert errors[0].endswith("write classes=('red', 'blue')")
    assert errors[1].startswith('val val_dataloader.dataset.metainfo.classes')


def test_the_order_of_one_split_alone(tmp_path):
    val = coco(('blue', 'red'))
    (error,) = errors_of(detection(tmp_path, val=val))
    assert error.startswith('val ')
    assert '(blue, red)' in error


def test_ids_of_categories_may_differ(tmp_path):
    val = coco()
    for entry in val['categories']:
        entry['id'] *= 10
    for entry in val['annotations']:
        entry['category_id'] *= 10
    assert errors_of(detection(tmp_path, val=val)) == []


@pytest.mark.parametrize(
    ('meta', 'message'),
    [
        (
            dict(CLASSES=('red', 'blue')),
            'metainfo.CLASSES: is not read, so the data set has the classes '
            'of its type -> write classes=(...)',
        ),
        (dict(class_names=('red', 'blue')), 'metainfo.class_names: is not'),
        (dict(classes=('red')), "the text 'red', expected a tuple of names"),
        (dict(classes=('red', 'red')), 'names red more than once'),
        (dict(), 'is not set, and 80 of the 80 classes of the type'),
    ],
)
def test_how_classes_are_written(tmp_path, meta, message):
    errors = errors_of(detection(tmp_path, metainfo=meta))
    assert len([e for e in errors if message in e]) == 2
    # What would only follow from it is not reported.
    assert not any('num_classes' in error for error in errors)


def test_names_of_a_file(tmp_path):
    names = tmp_path / 'names.txt'
    names.write_text('red\nblue\n')
    config = detection(tmp_path, metainfo=dict(classes=str(names)))
    assert errors_of(config) == []


def test_a_comma_that_is_missing_between_names(tmp_path):
    names = ('red', 'blue', 'tan')
    config = detection(
        tmp_path, coco(names), coco(names), classes=('red', 'bluetan')
    )
    errors = errors_of(config)
    assert "a comma is missing: 'blue' 'tan' is 'bluetan'" in errors[0]


def test_two_categories_of_one_name(tmp_path):
    train = coco(('red', 'blue', 'red'))
    (error,) = errors_of(detection(tmp_path, train=train))
    assert 'has several categories named red' in error


def test_categories_that_are_no_class_are_counted(tmp_path):
    content = coco(('red', 'blue', 'tan'))
    errors, warnings = found(detection(tmp_path, content, content))
    assert errors == []
    assert 'not a class are dropped (4 of 12)' in warnings[0]
    assert 'tan (4)' in warnings[0]


def test_a_class_that_is_no_category(tmp_path):
    config = detection(tmp_path, classes=('red', 'bleu'))
    errors = errors_of(config)
    assert '1 class is not a category of' in errors[0]
    assert 'its categories are red, blue' in errors[0]


def test_class_folders_of_the_splits(tmp_path):
    folders = dict(train='abc', val='ac')
    (error,) = errors_of(classification(tmp_path, folders))
    assert error.startswith(f'val {tmp_path}/val: lacks b, compared with')
    folders = dict(train='abc', val='abd')
    (error,) = errors_of(classification(tmp_path / 'other', folders))
    assert 'lacks c and also has d' in error


def test_names_of_class_folders_in_another_order(tmp_path):
    config = classification(tmp_path, metainfo=dict(classes=('b', 'a', 'c')))
    errors = errors_of(config)
    assert "'a' is named 'b', 'b' is named 'a'" in errors[0]
    # Other names are a matter of taste.
    given = dict(classes=('ant', 'bee', 'cat'))
    assert errors_of(classification(tmp_path, metainfo=given)) == []


def test_class_folders_without_their_number_of_names(tmp_path):
    config = classification(tmp_path, metainfo=dict(classes=('a', 'b')))
    errors = errors_of(config)
    assert 'number of subfolders (3)' in errors[0]
    assert 'set metainfo.classes to the folders' in errors[0]


def test_splits_of_a_segmentor(tmp_path):
    config = segmentation(tmp_path)
    config.val_dataloader.dataset.metainfo.classes = ('b', 'a')
    (error,) = errors_of(config)
    assert 'has the same classes in another order' in error


def metric_file(tmp_path, content):
    config = detection(tmp_path)
    other = detection(tmp_path / 'other', val=content)
    config.val_evaluator.ann_file = other.val_evaluator.ann_file
    return config


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda c: c['categories'].reverse(), 'reads the classes (blue, red)'),
        (lambda c: c['categories'].pop(), 'reads the classes (red)'),
        (lambda c: c['images'].pop(), 'lacks 1 image of'),
        (
            lambda c: c['images'][0].update(file_name='other.png'),
            'where 1 id is of another image than',
        ),
        (lambda c: c['annotations'][0].pop('iscrowd'), 'no "iscrowd": id 1'),
    ],
)
def test_the_file_of_the_metric(tmp_path, change, message):
    (tmp_path / 'other').mkdir()
    content = coco()
    change(content)
    errors = errors_of(metric_file(tmp_path, content))
    assert any(message in error for error in errors)


def test_one_metric_for_two_files_with_the_same_ids(tmp_path):
    """CocoMetric would judge all by the file that it reads."""
    config = detection(tmp_path)
    first = config.val_dataloader.dataset
    second = dict(first, ann_file='more.json', data_prefix=dict(img='more'))
    content = coco(first=50)
    for k, image in enumerate(content['images']):
        image['id'] += 10
        save(tmp_path / f'more/{k}.png', noise(70 + k))
    for annotation in content['annotations']:
        annotation['image_id'] += 10
    config.val_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[first, second]
    )
    both = coco()
    both['images'] += content['images']
    both['annotations'] += content['annotations']
    (tmp_path / 'more.json').write_text(json.dumps(content))
    (tmp_path / 'both.json').write_text(json.dumps(both))
    config.val_evaluator.ann_file = str(tmp_path / 'both.json')
    assert found(config) == ([], [])
    (tmp_path / 'more.json').write_text(json.dumps(coco()))
    (error,) = errors_of(config)
    assert 'for several data sets, which share 4 image ids: id 1' in error


def test_other_objects_in_the_file_of_the_metric(tmp_path):
    (tmp_path / 'other').mkdir()
    content = coco()
    content['annotations'][2]['bbox'][0] += 5
    (warning,) = warnings_of(metric_file(tmp_path, content))
    assert 'has other objects than' in warning
    assert f'{tmp_path}/val.json for 1 image: id 2 -> set' in warning


def test_images_that_the_metric_alone_knows(tmp_path):
    config = detection(tmp_path)
    config.val_dataloader.dataset.indices = 2
    assert errors_of(config) == []
    (tmp_path / 'other').mkdir()
    content = coco()
    more = dict(content['images'][0], id=9, file_name='9.png')
    content['images'].append(more)
    warnings = warnings_of(metric_file(tmp_path, content))
    assert any('lists 1 image more than the data set' in w for w in warnings)


@pytest.mark.parametrize(
    ('resume', 'classes', 'kind'),
    [
        (True, ('blue', 'red'), 'errors'),
        (False, ('blue', 'red'), 'warnings'),
        (False, ('cat', 'dog', 'cow'), None),
        (True, ('red', 'blue'), None),
    ],
)
def test_the_classes_of_a_checkpoint(tmp_path, resume, classes, kind):
    config = detection(tmp_path)
    meta = dict(dataset_meta=dict(classes=classes))
    torch.save(dict(state_dict={}, meta=meta), tmp_path / 'x.pth')
    config.update(load_from=str(tmp_path / 'x.pth'), resume=resume)
    errors, warnings = found(config)
    found_as = dict(errors=errors, warnings=warnings)
    for name, texts in found_as.items():
        same = [t for t in texts if 'the same classes in another' in t]
        assert len(same) == (name == kind)


def test_lists_that_number_the_folders_apart(tmp_path):
    config = classification(tmp_path)
    for split, order in (('train', 'abc'), ('val', 'bac')):
        lines = [f'{name}/0.png {k}\n' for k, name in enumerate(order)]
        (tmp_path / f'{split}.txt').write_text(''.join(lines))
        config[f'{split}_dataloader'].dataset.ann_file = f'{split}.txt'
    (warning,) = warnings_of(config)
    assert "images in 'b' folders the label 0" in warning
    assert 'train.txt gives them 1 (differs for 2 of 3 folders)' in warning
    (tmp_path / 'val.txt').write_text('c/0.png 2\na/0.png 0\nb/1.png 1\n')
    assert warnings_of(config) == []


def test_classes_without_an_order(tmp_path):
    config = detection(tmp_path, metainfo=dict(classes={'red', 'blue'}))
    error = errors_of(config)[0]
    assert 'metainfo.classes: is a set, expected a tuple' in error


def test_categories_named_by_numbers(tmp_path):
    content = coco()
    content['categories'][0]['name'] = 1
    (error,) = errors_of(detection(tmp_path, content))
    assert 'has a "name" that is not text: id 1 (1)' in error


def test_a_metric_whose_file_is_missing(tmp_path):
    config = detection(tmp_path)
    config.val_evaluator.ann_file = 'val.json'
    (error,) = errors_of(config)
    assert 'val.json: does not exist; the metric reads it' in error
