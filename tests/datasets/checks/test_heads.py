"""Heads and class weights fit the data, by their place in the config."""

import numpy as np
import pytest

from mmmap.datasets.checks import check_data
from tests.datasets.checks.made import (
    classification,
    detection,
    errors_of,
    found,
    segmentation,
)

COCO_HEADS = [
    'model.roi_head.bbox_head.num_classes',
    'model.roi_head.mask_head.num_classes',
]


@pytest.mark.parametrize('number', [1, 80])
def test_heads_of_a_detector(tmp_path, number):
    errors = errors_of(detection(tmp_path, number=number))
    for error, place in zip(errors, COCO_HEADS, strict=True):
        assert error == (
            f'{place}: is {number}, but the data of train_dataloader.dataset '
            'have 2 classes -> set it to 2'
        )


def test_a_head_that_keeps_its_default(tmp_path):
    config = detection(tmp_path)
    del config.model.roi_head.mask_head['num_classes']
    (error,) = errors_of(config)
    assert error.startswith(f'{COCO_HEADS[1]}: is 80 by default')


def test_a_number_as_text(tmp_path):
    config = detection(tmp_path)
    config.model.roi_head.bbox_head.num_classes = '2'
    (error,) = errors_of(config)
    assert "bbox_head.num_classes: is '2', expected the number 2" in error


def test_a_head_whose_number_does_not_matter(tmp_path):
    config = detection(tmp_path)
    config.model.roi_head.mask_head.update(class_agnostic=True, num_classes=80)
    errors, warnings = found(config)
    assert errors == []
    assert 'harmless, the head is class_agnostic' in warnings[0]
    notes = check_data(config, ('train', 'val'))
    assert any(note.startswith(f'config: {COCO_HEADS[1]}') for note in notes)


def test_stages_of_a_cascade(tmp_path):
    config = detection(tmp_path)
    stages = [dict(type='BBoxHead', num_classes=n) for n in (2, 2, 80)]
    config.model.roi_head.bbox_head = stages
    (error,) = errors_of(config)
    assert error.startswith('model.roi_head.bbox_head[2].num_classes: is 80')


@pytest.mark.parametrize(
    ('head', 'right', 'wrong'),
    [
        ('RetinaHead', [dict(num_classes=2)], [dict(num_classes=80)]),
        ('DINOHead', [dict(num_classes=2)], [dict(num_classes=80)]),
    ],
)
def test_heads_of_one_stage(tmp_path, head, right, wrong):
    for settings, number in ((right, 0), (wrong, 1)):
        config = detection(tmp_path)
        config.model = dict(
            bbox_head=dict(type=head, **settings[0]),
            rpn_head=dict(type='RPNHead', num_classes=1),
        )
        assert len(errors_of(config)) == number


def test_masks_of_queries_in_mmdet(tmp_path):
    config = detection(tmp_path)
    loss = dict(type='CrossEntropyLoss', class_weight=[1.0] * 2 + [0.1])
    head = dict(
        type='Mask2FormerHead',
        num_things_classes=2,
        num_stuff_classes=0,
        loss_cls=loss,
    )
    config.model = dict(panoptic_head=head)
    assert errors_of(config) == []
    head.update(num_things_classes=80)
    loss.update(class_weight=[1.0] * 80 + [0.1])
    config.model = dict(panoptic_head=head)
    number, weights = errors_of(config)
    assert number.startswith('model.panoptic_head.num_things_classes: is 80')
    assert 'panoptic_head.loss_cls.class_weight: has 81 weights' in weights


@pytest.mark.parametrize('head', ['decode_head', 'auxiliary_head'])
def test_heads_of_a_segmentor(tmp_path, head):
    config = segmentation(tmp_path)
    config.model[head].num_classes = 150
    (error,) = errors_of(config)
    assert error.startswith(f'model.{head}.num_classes: is 150')
    several = [dict(type='FCNHead', num_classes=n) for n in (2, 3)]
    config.model[head] = several
    (error,) = errors_of(config)
    assert error.startswith(f'model.{head}[1].num_classes: is 3')


def test_two_classes_in_one_output(tmp_path):
    config = segmentation(tmp_path)
    config.model.decode_head.update(num_classes=2, out_channels=1)
    assert errors_of(config) == []


@pytest.mark.parametrize(
    ('kind', 'number', 'fits'),
    [
        ('FCNHead', 2, True),
        ('FCNHead', 3, False),
        ('Mask2FormerHead', 3, True),
        ('Mask2FormerHead', 151, False),
    ],
)
def test_weights_of_classes(tmp_path, kind, number, fits):
    config = segmentation(tmp_path)
    name = 'loss_decode' if kind == 'FCNHead' else 'loss_cls'
    loss = dict(type='CrossEntropyLoss', class_weight=[1.0] * number)
    config.model.decode_head.update({'type': kind, name: loss})
    errors = errors_of(config)
    assert len(errors) == (not fits)
    if not fits:
        place = f'model.decode_head.{name}.class_weight'
        assert errors[0].startswith(f'{place}: has {number} weights')


def test_a_classifier(tmp_path):
    config = classification(tmp_path, number=1000)
    config.model.data_preprocessor = dict(num_classes=3)
    (error,) = errors_of(config)
    assert error.startswith('model.head.num_classes: is 1000, but the data of')


def test_more_best_ones_than_classes(tmp_path):
    config = classification(tmp_path)
    config.val_evaluator = dict(type='Accuracy', topk=(1, 5))
    (error,) = errors_of(config)
    assert error.startswith('val_evaluator.topk: is 5, but there are only 3')


def test_pretraining_has_no_classes(tmp_path):
    config = classification(tmp_path, with_label=False)
    config.model = dict(head=dict(type='PixelHead', in_channels=8))
    assert found(config) == ([], [])


def test_weights_in_a_file(tmp_path):
    config = segmentation(tmp_path)
    path = tmp_path / 'weights.npy'
    loss = dict(type='CrossEntropyLoss', class_weight=str(path))
    config.model.decode_head.loss_decode = loss
    np.save(path, np.ones(2))
    assert errors_of(config) == []
    np.save(path, np.ones(5))
    (error,) = errors_of(config)
    assert 'decode_head.loss_decode.class_weight: has 5 weights' in error
