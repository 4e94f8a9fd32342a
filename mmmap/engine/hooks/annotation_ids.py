"""Annotation ids that COCO's evaluation cannot handle."""

import contextlib
import io

from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class AnnotationIdHook(Hook):
    """Number annotations from 1 if a metric's file starts with 0.

    pycocotools treats a match with annotation 0 as no match, so the object
    counts as missed. Ids have no other meaning, so they are increased by one
    in memory; the file does not change.
    """

    def before_val(self, runner) -> None:
        """Fix the metrics of validation."""
        self._renumber(runner, runner.val_evaluator)

    def before_test(self, runner) -> None:
        """Fix the metrics of testing."""
        self._renumber(runner, runner.test_evaluator)

    def _renumber(self, runner, evaluator: Evaluator) -> None:
        for metric in evaluator.metrics:
            coco = getattr(metric, '_coco_api', None)
            if hasattr(coco, 'createIndex') and 0 in coco.anns:
                number_from_one(coco)
                runner.logger.info(
                    'annotations of the metric are numbered from 0; '
                    'pycocotools would miss one, so 1 is added to each id'
                )


def number_from_one(coco) -> None:
    """Increase all annotation ids of a COCO object by one."""
    for annotation in coco.dataset['annotations']:
        annotation['id'] += 1
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    # mmdet's aliases.
    coco.img_ann_map, coco.cat_img_map = coco.imgToAnns, coco.catToImgs
