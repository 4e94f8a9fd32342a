"""The effect of each kind of error on a detector's precision.

COCO's analysis: precision over recall with one kind of error after the other
forgiven. pycocotools does the evaluation.

Source: Hoiem et al., "Diagnosing error in object detectors" (ECCV 2012), and
the analysis of the COCO challenge.
"""

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError

# In the order in which they are forgiven; each includes those before it.
KINDS = {
    'C75': 'IoU 0.75 wanted',
    'C50': 'IoU 0.5 wanted',
    'Loc': 'wrong place forgiven (IoU 0.1)',
    'Sim': 'classes of the same group forgiven',
    'Oth': 'all classes forgiven',
    'BG': 'detections of background forgiven',
    'FN': 'what was missed forgiven',
}


class ErrorCurves(NamedTuple):
    """Precision by class, kind of ``KINDS`` and recall.

    Attributes:
        names: Names of the classes that have instances.
        recall: (R,), from 0 to 1.
        precision: (classes, kinds, R).
    """

    names: list[str]
    recall: np.ndarray
    precision: np.ndarray

    def averages(self) -> np.ndarray:
        """Average precision of the classes by kind, (classes, kinds)."""
        return self.precision.mean(-1)


def error_curves(
    truth: str | Path, found: str | Path, iou_type: str = 'bbox'
) -> ErrorCurves:
    """Analyse detections in COCO format.

    Args:
        truth: Annotations, JSON.
        found: Results, as mmdet's CocoMetric writes them with
            ``outfile_prefix``, JSON.
        iou_type: ``'bbox'`` or ``'segm'``.

    Raises:
        FileNotFoundError: A file is missing.
        InputError: No instances, no detections, or files that do not match.
    """
    from pycocotools.coco import COCO

    for path in (truth, found):
        if not Path(path).is_file():
            raise FileNotFoundError(f'no file at {path}')
    with _silence():
        try:
            annotated = COCO(str(truth))
            results = annotated.loadRes(str(found))
        except (AssertionError, LookupError, TypeError, ValueError) as error:
            raise InputError(
                f'{found} holds no detections of the images of {truth}: '
                f'{type(error).__name__} {error}'
            ) from error
    ids = sorted({a['category_id'] for a in annotated.anns.values()})
    if not ids:
        raise InputError(f'{truth} has no instances')
    curves = [_of_class(annotated, results, k, iou_type) for k in ids]
    recall = np.linspace(0, 1, curves[0].shape[-1])
    names = [annotated.cats[k]['name'] for k in ids]
    return ErrorCurves(names, recall, np.stack(curves))


def _of_class(annotated, results, category: int, iou_type: str) -> np.ndarray:
    """Precision by kind of error and recall."""
    group = annotated.cats[category].get('supercategory')
    similar = [
        k for k, c in annotated.cats.items() if c.get('supercategory') == group
    ]
    images = annotated.getImgIds()

    def precision(forgiven: Sequence[int], ious: list[float]) -> np.ndarray:
        with _silence():
            return _evaluated(
                annotated, results, category, forgiven, iou_type, ious, images
            )

    strict = precision((), [0.75, 0.5, 0.1])
    near = precision(similar, [0.1])
    other = precision(list(annotated.cats), [0.1])
    background = (other > 0).astype(float)
    return np.concatenate(
        [strict, near, other, background, np.ones_like(other)]
    )


def _evaluated(
    annotated, results, category, forgiven, iou_type, ious, images
) -> np.ndarray:
    """Precision (ious, R) of a class; instances of others are ignored.

    Args:
        annotated: COCO's annotations.
        results: Detections, in the same form.
        category: The class.
        forgiven: Classes on whose instances a detection is not an error.
        iou_type: COCO's.
        ious: Smallest overlaps of a correct detection.
        images: Their ids.
    """
    from pycocotools.cocoeval import COCOeval

    instances = [
        a if a['category_id'] == category else _ignored(a, category)
        for a in annotated.anns.values()
        if a['category_id'] == category or a['category_id'] in forgiven
    ]
    evaluation = COCOeval(
        _with_annotations(annotated, instances), results, iou_type
    )
    evaluation.params.imgIds = images
    evaluation.params.catIds = [category]
    evaluation.params.iouThrs = np.array(ious)
    evaluation.params.maxDets = [100]
    evaluation.params.areaRng = [[0, 1e10]]
    evaluation.params.areaRngLbl = ['all']
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval['precision'][:, :, 0, 0, 0].clip(min=0)


def _ignored(annotation: dict, category: int) -> dict:
    """The instance as an ignored one of the class."""
    return annotation | dict(category_id=category, iscrowd=1, ignore=1)


def _with_annotations(annotated, instances: list[dict]):
    """The same images with other instances.

    They are numbered from 1: pycocotools ignores matches with id 0.
    """
    from pycocotools.coco import COCO

    instances = [a | dict(id=k) for k, a in enumerate(instances, 1)]

    other = COCO()
    other.dataset = annotated.dataset | dict(annotations=instances)
    other.createIndex()
    return other


def _silence():
    return contextlib.redirect_stdout(io.StringIO())
