"""Errors of class maps: confusions, and the IoU of each class.

Letters: K classes; H W pixels.
"""

import numpy as np
import torch
from mmpretrain.evaluation import ConfusionMatrix

from ..errors import InputError


def confusion(
    predicted: np.ndarray, true: np.ndarray, classes: int, ignore: int = 255
) -> np.ndarray:
    """Count pixels by true class (row) and predicted class (column), (K, K).

    Args:
        predicted: (H, W), whole numbers below K.
        true: The same, and ``ignore`` where the class is unknown.
        classes: K.
        ignore: Label of pixels that do not count.

    Raises:
        InputError: The shapes differ, or a class is not below K.
    """
    if predicted.shape != true.shape:
        raise InputError(
            f'the prediction is {predicted.shape} pixels, the truth '
            f'{true.shape}'
        )
    known = true != ignore
    pair = [side[known].astype(np.int64) for side in (predicted, true)]
    for name, side in zip(('predicted', 'true'), pair):
        if side.size and not 0 <= side.min() <= side.max() < classes:
            raise InputError(
                f'{name} classes must be 0 to {classes - 1}, got '
                f'{side.min()} to {side.max()}'
            )
    counts = ConfusionMatrix.calculate(
        *map(torch.from_numpy, pair), num_classes=classes
    )
    return counts.numpy()


def class_iou(counts: np.ndarray) -> np.ndarray:
    """IoU of each class, (K,); NaN for a class without pixels.

    Args:
        counts: See ``confusion``.
    """
    right = np.diag(counts).astype(float)
    union = counts.sum(0) + counts.sum(1) - right
    return np.divide(
        right, union, out=np.full_like(right, np.nan), where=union > 0
    )


def confusions(
    counts: np.ndarray, number: int
) -> list[tuple[int, int, int, float]]:
    """The most frequent mistakes.

    Args:
        counts: See ``confusion``.
        number: The largest number of results.

    Returns:
        True class, predicted class, pixels, and their share of the true
        class's pixels.
    """
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind='stable')[:number]
    pairs = (divmod(int(index), len(counts)) for index in order)
    return [
        (true, seen, int(wrong[true, seen]),
         wrong[true, seen] / counts[true].sum())
        for true, seen in pairs
        if wrong[true, seen]
    ]  # fmt: skip
