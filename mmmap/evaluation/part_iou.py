"""Intersection over union of the parts of shapes.

Letters: N points of a shape.
"""

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpretrain.registry import METRICS

from ..errors import InputError


def part_iou(
    predicted: np.ndarray, true: np.ndarray, parts: Sequence[int]
) -> float:
    """Mean IoU of the parts of a shape's category.

    A part that is neither annotated nor predicted counts as 1, as in
    ShapeNetPart (Yi et al., 2016).

    Args:
        predicted: Part of each point, (N,).
        true: The same, as annotated.
        parts: The parts of the category.

    Raises:
        InputError: The shapes differ, there are no parts, or an annotated
            part does not belong to the category.
    """
    if predicted.shape != true.shape or not len(parts):
        raise InputError(
            'prediction and annotation must have the same points and a '
            f'category its parts, got {predicted.shape}, {true.shape} and '
            f'{list(parts)}'
        )
    foreign = set(np.unique(true).tolist()) - set(parts)
    if foreign:
        raise InputError(
            f'a shape is annotated with parts {sorted(foreign)}, its '
            f'category has {list(parts)}'
        )
    ious = []
    for part in parts:
        guess, truth = predicted == part, true == part
        union = (guess | truth).sum()
        ious.append((guess & truth).sum() / union if union else 1.0)
    return float(np.mean(ious))


@METRICS.register_module()
class PartIoU(BaseMetric):
    """Instance and class mIoU of part segmentation, in percent.

    ``instance_mIoU`` is the mean over shapes, ``class_mIoU`` that over
    categories of their shapes' means; ``accuracy`` is of points. Samples have
    ``gt_label`` (the category), ``gt_part``, ``parts`` and ``pred_part``.

    Args:
        collect_device: mmengine's.
        prefix: Prefix of the names in the log.
    """

    default_prefix = 'parts'

    def __init__(
        self, collect_device: str = 'cpu', prefix: str | None = None
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)

    def process(self, data_batch, data_samples: Sequence[dict]) -> None:
        """Process the samples of a batch."""
        for sample in data_samples:
            predicted = sample['pred_part'].cpu().numpy()
            true = sample['gt_part'].cpu().numpy()
            self.results.append(
                (
                    int(sample['gt_label']),
                    part_iou(predicted, true, sample['parts']),
                    float((predicted == true).mean()),
                )
            )

    def compute_metrics(self, results: list[tuple]) -> dict[str, float]:
        """Compute the means."""
        categories, ious, accuracies = map(np.array, zip(*results))
        by_category = [
            ious[categories == category].mean()
            for category in np.unique(categories)
        ]
        return dict(
            instance_mIoU=100 * float(ious.mean()),
            class_mIoU=100 * float(np.mean(by_category)),
            accuracy=100 * float(accuracies.mean()),
        )
