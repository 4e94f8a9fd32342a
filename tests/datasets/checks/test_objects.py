"""Objects of every type of data set, and images that are listed twice."""

import json

import numpy as np
import pytest
from mmengine.config import Config

from mmmap.datasets.checks import look_at_data
from tests.datasets.checks.made import (
    LOAD,
    classification,
    coco,
    detection,
    errors_of,
    found,
    noise,
    save,
    warnings_of,
)

PANOPTIC = dict(
    classes=('red', 'blue'),
    thing_classes=('red',),
    stuff_classes=('blue',),
)
OBJECT = (
    '<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>4</ymin>'
    '<xmax>{}</xmax><ymax>20</ymax></bndbox></object>'
)
ANNOTATION = (
    '<annotation><size><width>32</width><height>32</height></size>'
    '{}</annotation>'
)


def voc(root, *objects, classes=('red', 'blue')):
    """A config of mmdet on XML files, each with these objects."""
    loaders = {}
    objects = objects or (('red', 3, 15), ('blue', 4, 16))
    text = ANNOTATION.format(''.join(OBJECT.format(*one) for one in objects))
    for k, split in enumerate(('train', 'val')):
        names = [f'{split}{i}' for i in range(3)]
        for i, name in enumerate(names):
            save(root / f'JPEGImages/{name}.jpg', noise(10 * k + i))
            (root / 'Annotations').mkdir(exist_ok=True)
            (root / f'Annotations/{name}.xml').write_text(text)
        (root / f'{split}.txt').write_text('\n'.join(names))
        dataset = dict(
            type='XMLDataset',
            data_root=str(root),
            ann_file=f'{split}.txt',
            data_prefix=dict(sub_data_root=''),
            test_mode=split == 'val',
            filter_cfg=dict(filter_empty_gt=True),
            pipeline=[LOAD],
        )
        if classes:
            dataset['metainfo'] = dict(classes=classes)
        loaders[f'{split}_dataloader'] = dict(dataset=dataset)
    metric = dict(type='VOCMetric', metric='mAP')
    config = dict(default_scope='mmdet', val_evaluator=metric, **loaders)
    return Config(config)


def test_objects_of_xml_that_no_class_names(tmp_path):
    assert found(voc(tmp_path)) == ([], [])
    green = ('green', 3, 15)
    errors, warnings = found(voc(tmp_path, ('red', 3, 15), green, green))
    assert errors == []
    assert 'dropped (6 of 9): green (6)' in warnings[0]
    errors, warnings = found(voc(tmp_path, ('Red', 3, 15)))
    assert 'none of the 3 listed images is left' in errors[0]
    assert 'no object of the classes that the metric' in errors[1]
    assert 'dropped (3 of 3): Red (3)' in warnings[0]


def test_boxes_of_xml(tmp_path):
    turned = voc(tmp_path, ('red', 15, 3), ('blue', 3, 15))
    warning = warnings_of(turned)[0]
    assert 'boxes have no width or height (3 of 6)' in warning
    assert 'Annotations/train0.xml' in warning
    fractions = voc(tmp_path, ('red', 0.1, 0.5))
    assert 'boxes have no width or height (3 of 3)' in errors_of(fractions)[0]
    beyond = voc(tmp_path, ('red', 3, 60), ('blue', 3, 15))
    assert 'boxes reach beyond their image (3 of 6)' in warnings_of(beyond)[0]


def test_the_file_that_the_library_fails_on(tmp_path):
    config = voc(tmp_path)
    broken = tmp_path / 'Annotations/val1.xml'
    broken.write_text('<annotation>')
    (error,) = errors_of(config)
    assert error.startswith(f'val {broken}: ') and 'ParseError' in error
    broken.unlink()
    (error,) = errors_of(config)
    message = f'val {broken}: cannot be read (No such file or directory)'
    assert error == f'{message} -> add the file, or remove it from the list'
    config = voc(tmp_path)
    (tmp_path / 'val.txt').write_text('val0\n\nval1\n')
    assert 'val.txt:2: is an empty line' in errors_of(config)[0]
    bare = voc(tmp_path, classes=None)
    assert 'write metainfo=dict(classes=(...))' in errors_of(bare)[0]


def test_objects_that_are_all_crowds(tmp_path):
    crowds = coco()
    for annotation in crowds['annotations']:
        annotation['iscrowd'] = 1
    train, val = errors_of(detection(tmp_path, crowds, crowds))
    assert 'no object is left in 4 images: all 8 are crowds' in train
    assert '(8 are crowds or difficult)' in val
    crowds['annotations'][0]['iscrowd'] = 0
    errors, warnings = found(detection(tmp_path, crowds))
    assert errors == []
    assert '1 of 2 classes never occurs: blue' in warnings[0]


def test_nothing_to_evaluate(tmp_path):
    bare = dict(coco(), annotations=[])
    config = detection(tmp_path, val=bare)
    (error,) = errors_of(config)
    assert 'has no object of the classes that the metric could find' in error
    config.val_evaluator.format_only = True
    assert errors_of(config) == []
    del bare['annotations']
    (tmp_path / 'val.json').write_text(json.dumps(bare))
    assert errors_of(config) == []


def panoptic(root, **meta):
    """A config on panoptic JSONs with the thing red and the stuff blue."""
    config = detection(root)
    for split in ('train', 'val'):
        content = coco(num=4)
        segments = [
            dict(id=k, category_id=k, iscrowd=0, bbox=[0, 0, 9, 9], area=81)
            for k in (1, 2)
        ]
        content['annotations'] = [
            dict(
                image_id=image['id'],
                file_name=image['file_name'],
                segments_info=segments,
            )
            for image in content['images']
        ]
        for k, category in enumerate(content['categories']):
            category.update(isthing=int(k == 0), color=[k, k, k])
        (root / f'{split}.json').write_text(json.dumps(content))
        for i in range(4):
            save(root / f'maps/{split}/{i}.png', np.zeros((32, 32, 3)))
        dataset = config[f'{split}_dataloader'].dataset
        dataset.update(
            type='CocoPanopticDataset',
            data_prefix=dict(img=split, seg=f'maps/{split}'),
            metainfo=dict(PANOPTIC, **meta),
            pipeline=[LOAD, dict(type='LoadPanopticAnnotations')],
        )
    numbers = dict(num_things_classes=1, num_stuff_classes=1)
    config.model = dict(panoptic_head=dict(type='MaskFormerHead', **numbers))
    config.val_evaluator = dict(type='CocoPanopticMetric')
    return config


def test_panoptic_data(tmp_path):
    config = panoptic(tmp_path)
    assert found(config) == ([], [])
    config.model.panoptic_head.num_stuff_classes = 53
    (tmp_path / 'maps/val/2.png').unlink()
    stuff, missing = errors_of(config)
    assert 'num_stuff_classes: is 53' in stuff and '1 stuff class' in stuff
    assert 'maps/val/2.png' in missing


def test_panoptic_data_without_their_classes(tmp_path):
    config = panoptic(tmp_path)
    del config.train_dataloader.dataset.metainfo
    (error,) = errors_of(config)
    assert 'metainfo.classes: (person, bicycle,' in error
    assert f'lacks red, blue, of which {tmp_path}/train.json' in error
    assert error.endswith(
        "write metainfo=dict(classes=('red', 'blue'), thing_classes=('red',), "
        "stuff_classes=('blue',))"
    )


@pytest.mark.parametrize(
    ('meta', 'message'),
    [
        (dict(classes=('red', 'green')), '(red, green) lacks blue, of which'),
        (dict(classes=('blue', 'red')), 'train.json: (red, blue)'),
        (dict(thing_classes=('blue',)), 'does not agree with isthing'),
    ],
)
def test_panoptic_classes(tmp_path, meta, message):
    train, val = sum(found(panoptic(tmp_path, **meta)), [])
    assert message in train


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda c: c['categories'].reverse(), 'has things (isthing 1) after'),
        (
            lambda c: c['annotations'][2]['segments_info'][1].pop('area'),
            '1 segment has no "area"',
        ),
        (
            lambda c: c['categories'][0].pop('isthing'),
            '1 category has no "isthing"',
        ),
        (lambda c: c['categories'].pop(), 'not in its categories: 2'),
    ],
)
def test_panoptic_files(tmp_path, change, message):
    config = panoptic(tmp_path)
    path = tmp_path / 'train.json'
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    assert any(f'{path}: ' in e and message in e for e in errors_of(config))


@pytest.mark.parametrize('key', ['image_id', 'category_id'])
def test_ids_of_text_and_of_numbers(tmp_path, key):
    content = coco()
    for annotation in content['annotations']:
        annotation[key] = str(annotation[key])
    (error,) = errors_of(detection(tmp_path, content))
    assert f"8 annotations have the {key} '1'" in error


def test_areas_of_another_unit(tmp_path):
    content = coco()
    for annotation in content['annotations']:
        annotation['area'] /= 32 * 32 * 4
    (warning,) = warnings_of(detection(tmp_path, content))
    assert 'areas do not fit their boxes (8 of 8)' in warning


def test_run_lengths_that_cannot_be_decoded(tmp_path):
    content = coco()
    outline = dict(size=[32, 32], counts='abc')
    content['annotations'][1]['segmentation'] = outline
    (error,) = errors_of(detection(tmp_path, content))
    assert 'that cannot be decoded: id 2' in error


def test_names_that_look_alike(tmp_path):
    error = errors_of(detection(tmp_path, classes=('red ', 'blue')))[0]
    assert "'red ' is 'red' there" in error


def test_images_listed_twice(tmp_path):
    content = coco()
    content['images'][1]['file_name'] = '0.png'
    (warning,) = warnings_of(detection(tmp_path, content), full=False)
    assert '1 image is listed more than once' in warning
    config = classification(tmp_path)
    (tmp_path / 'list.txt').write_text('a/0.png 0\nb/0.png 1\na/0.png 2\n')
    config.train_dataloader.dataset.ann_file = 'list.txt'
    warnings = warnings_of(config)
    assert any('listed more than once' in warning for warning in warnings)


def test_files_that_two_splits_share(tmp_path):
    config = detection(tmp_path)
    config.val_dataloader.dataset.data_prefix = dict(img='train')
    (warning,) = warnings_of(config, full=False)
    assert '4 of 4 images are in the training data too' in warning


def folds(root, **of_val):
    """Training and validation on folds of the same 12 images."""
    images = dict(train='abcdef', val='abcdef')
    config = classification(root, images, number=6)
    inner = config.train_dataloader.dataset
    for split in ('train', 'val'):
        config[f'{split}_dataloader'].dataset = dict(
            dict(type='KFoldDataset', dataset=inner, num_splits=3, seed=0),
            test_mode=split == 'val',
            **(of_val if split == 'val' else {}),
        )
    return config


@pytest.mark.parametrize('full', [True, False])
def test_folds_of_one_folder(tmp_path, full):
    assert errors_of(folds(tmp_path), full) == []
    train, val = look_at_data(folds(tmp_path), full=full)[1:]
    assert (train.counts['images'], val.counts['images']) == (8, 4)
    assert sum(r['images'] for r in val.tables['classes'].values()) == 4


@pytest.mark.parametrize('full', [True, False])
@pytest.mark.parametrize(
    ('setting', 'shared'), [('num_splits', 2), ('seed', 2), ('fold', 4)]
)
def test_folds_that_overlap(tmp_path, full, setting, shared):
    value = dict(num_splits=2, seed=1, fold=1)[setting]
    (error,) = errors_of(folds(tmp_path, **{setting: value}), full)
    assert f'{shared} of ' in error and 'in the training data too' in error
    assert 'the same num_splits, fold and seed' in error


def test_folds_of_several_data_sets(tmp_path):
    config = folds(tmp_path)
    for split in ('train', 'val'):
        fold = config[f'{split}_dataloader'].dataset
        fold.dataset = dict(
            type='RepeatDataset', times=1, dataset=fold.dataset
        )
    assert found(config) == ([], [])


def test_a_fold_that_lacks_a_class(tmp_path):
    """Unshuffled, the folds of class folders have other classes."""
    config = folds(tmp_path)
    for split in ('train', 'val'):
        config[f'{split}_dataloader'].dataset.seed = None
    warnings = warnings_of(config)
    assert '2 of 6 classes never occur: a, b' in warnings[0]
