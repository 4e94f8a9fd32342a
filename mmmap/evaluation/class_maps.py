"""Where class maps are wrong: confusions, and how good each image is.

Letters: K classes; H W pixels.
"""

import numpy as np
import torch
from mmpretrain.evaluation import ConfusionMatrix

from ..errors import InputError


def confusion(
    predicted: np.ndarray, true: np.ndarray, classes: int, ignore: int = 255
) -> np.ndarray:
    """Pixels by true class (row) and predicted one (column), (K, K).

    Args:
        predicted: (H, W), whole numbers below K.
        true: The same, and ``ignore`` where nobody knows.
        classes: K.
        ignore: Its pixels are left out.

    Raises:
        InputError: Shapes that differ, or a class beyond K.
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
    """IoU of each class, (K,); NaN of one that nobody sees.

    Args:
        counts: As of ``confusion``.
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
        counts: As of ``confusion``.
        number: How many at most.

    Returns:
        True class, predicted one, pixels, and which part of the true class's
        pixels they are.
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
