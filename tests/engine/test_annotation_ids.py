"""An object whose annotation has the id 0 counts like any other."""

import contextlib
import io
import json
from types import SimpleNamespace

import pytest
from mmengine.logging import MMLogger
from mmengine.registry import METRICS, DefaultScope
from pycocotools.cocoeval import COCOeval

from mmmap.engine.hooks import AnnotationIdHook
from mmmap.evaluation.coco_errors import error_curves
from tests.datasets.checks.made import coco


@pytest.fixture
def files(tmp_path):
    """One object, with the id 0, and a detection that is right."""
    content = coco(('red',), num=1, first=0)
    truth, found = tmp_path / 'truth.json', tmp_path / 'found.json'
    truth.write_text(json.dumps(content))
    box = content['annotations'][0]['bbox']
    right = dict(image_id=1, category_id=1, bbox=box, score=0.9)
    found.write_text(json.dumps([right]))
    return truth, found


def average_precision(api, found):
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(api, api.loadRes(str(found)), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[0]


def test_the_metric_of_a_run(files):
    truth, found = files
    with DefaultScope.overwrite_default_scope('mmdet'):
        settings = dict(type='CocoMetric', ann_file=str(truth))
        metric = METRICS.build(settings)
    assert average_precision(metric._coco_api, found) == 0.0
    evaluator = SimpleNamespace(metrics=[metric])
    logger = MMLogger.get_instance('annotation ids')
    runner = SimpleNamespace(val_evaluator=evaluator, logger=logger)
    for _ in range(2):
        AnnotationIdHook().before_val(runner)
        assert [*metric._coco_api.anns] == [1]
        assert [a['id'] for a in metric._coco_api.img_ann_map[1]] == [1]
        assert average_precision(metric._coco_api, found) == pytest.approx(1)


def test_the_analysis_of_errors(files):
    assert error_curves(*files).averages()[0, 0] == pytest.approx(1)
