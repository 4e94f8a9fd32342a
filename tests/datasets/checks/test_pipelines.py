"""What would end a run in its first validation is found before the start."""

import pytest

from tests.datasets.checks.made import (
    LOAD,
    classification,
    detection,
    errors_of,
    segmentation,
)

MAPS = dict(type='LoadAnnotations')
PACK = dict(type='PackSegInputs')


def segmentor(root, *steps):
    """A config whose validation has these steps."""
    config = segmentation(root)
    config.model.type = 'EncoderDecoder'
    config.train_dataloader.dataset.pipeline = [LOAD, MAPS, PACK]
    config.val_dataloader.dataset.pipeline = [LOAD, *steps]
    return config


@pytest.mark.parametrize('full', [True, False])
def test_a_step_that_fails(tmp_path, full):
    odd = dict(type='Normalize', mean=[0, 0], std=[1, 1])
    config = segmentor(tmp_path, MAPS, odd, PACK)
    (error,) = errors_of(config, full)
    first = tmp_path / 'images/val/0.png'
    place = 'val val_dataloader.dataset.pipeline[2]: Normalize fails on '
    assert error.startswith(f'{place}{first} (error: OpenCV')


def test_a_step_that_cannot_be_built(tmp_path):
    config = segmentor(tmp_path, MAPS, dict(type='Resize'), PACK)
    (error,) = errors_of(config)
    assert 'pipeline[2]: Resize cannot be built (AssertionError' in error


def test_class_maps_that_the_metric_lacks(tmp_path):
    config = segmentor(tmp_path, PACK)
    (error,) = errors_of(config)
    assert 'val_dataloader.dataset.pipeline: loads no class maps' in error
    assert "add dict(type='LoadAnnotations') before PackSegInputs" in error
    # To only write predictions, none are needed.
    config.val_evaluator.format_only = True
    assert errors_of(config) == []


def test_samples_that_are_not_packed(tmp_path):
    (error,) = errors_of(segmentor(tmp_path, MAPS))
    assert (
        "gives no inputs for the model -> end it with dict(type='Pa" in error
    )


def test_a_pipeline_without_steps(tmp_path):
    config = segmentor(tmp_path, MAPS, PACK)
    config.train_dataloader.dataset.pipeline = []
    (error,) = errors_of(config)
    assert 'train_dataloader.dataset.pipeline: gives no inputs' in error


def test_a_wrapper_that_packs(tmp_path):
    config = detection(tmp_path)
    config.model.type = 'MaskRCNN'
    pack = dict(type='PackDetInputs')
    config.val_dataloader.dataset.pipeline.append(pack)
    train, *_ = errors_of(config)
    assert 'train_dataloader.dataset.pipeline: gives no inputs' in train
    config.train_dataloader.dataset = dict(
        type='MultiImageMixDataset',
        dataset=config.train_dataloader.dataset,
        pipeline=[dict(type='Mosaic', img_scale=(32, 32)), pack],
    )
    assert errors_of(config) == []


def test_labels_that_the_metric_lacks(tmp_path):
    config = classification(tmp_path)
    for split in ('train', 'val'):
        pipeline = config[f'{split}_dataloader'].dataset.pipeline
        pipeline.append(dict(type='PackInputs'))
    config.val_evaluator = dict(type='Accuracy', topk=1)
    assert errors_of(config) == []
    config.val_dataloader.dataset.with_label = False
    (error,) = errors_of(config)
    assert 'gives no labels, which the metric needs' in error


def test_a_bad_file_is_not_taken_for_the_pipeline(tmp_path):
    config = segmentor(tmp_path, MAPS, PACK)
    (tmp_path / 'images/val/0.png').write_bytes(b'')
    (error,) = errors_of(config)
    assert 'images/val/0.png: cannot be read: it is empty' in error


def test_unknown_scores(tmp_path):
    config = segmentation(tmp_path)
    config.val_evaluator.iou_metrics = ['mIoU', 'mDice']
    assert errors_of(config) == []
    config.val_evaluator.iou_metrics = 'mIou'
    (error,) = errors_of(config)
    assert "val_evaluator.iou_metrics: has 'mIou' -> choose from mIoU" in error
