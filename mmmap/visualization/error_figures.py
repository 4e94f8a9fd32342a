"""Confusions of classes, and errors of detectors by kind.

Letters: K classes, R values of recall.
"""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

# With more classes, the numbers would be unreadable.
_WRITTEN = 25
_COLOURS = (
    '#d0d7de', '#8aa9c8', '#3b7dd8', '#8a5fbf', '#b56576', '#e08a1e', '#4a9a5b'
)  # fmt: skip


def confusion_figure(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw a confusion matrix, in percent of each true class's pixels.

    Args:
        counts: (K, K), rows are the truth.
        classes: K names.
    """
    total = counts.sum(1, keepdims=True)
    parts = 100 * counts / np.maximum(total, 1)
    number = len(classes)
    edge = min(max(0.42 * number, 4), 24) if number <= _WRITTEN else 14
    figure = Figure(figsize=(edge + 2.2, edge + 1.6), layout='constrained')
    axis = figure.subplots()
    image = axis.imshow(parts, 'Blues', vmin=0, vmax=100)
    size = 8 if number <= _WRITTEN else 4
    names = [name.replace('$', r'\$') for name in classes]
    axis.set_xticks(range(number), names, rotation=90, fontsize=size)
    axis.set_yticks(range(number), names, fontsize=size)
    axis.set_xlabel('predicted')
    axis.set_ylabel('true')
    axis.set_title("% of the true class's pixels", fontsize=10)
    figure.colorbar(image, ax=axis, shrink=0.7)
    if number <= _WRITTEN:
        for (row, column), part in np.ndenumerate(parts):
            if part >= 0.5:
                axis.text(
                    column, row, f'{part:.0f}', ha='center', va='center',
                    fontsize=7, color='white' if part > 55 else 'black',
                )  # fmt: skip
    return figure


def detection_error_figure(
    recall: np.ndarray, precision: np.ndarray, kinds: Mapping[str, str]
) -> Figure:
    """Draw precision over recall, forgiving one kind of error after another.

    Args:
        recall: (R,).
        precision: (kinds, R), the mean of the classes.
        kinds: The meaning of each name.
    """
    figure = Figure(figsize=(8.5, 4), layout='constrained')
    axis = figure.subplots()
    below = np.zeros_like(recall)
    for curve, colour, (name, meaning) in zip(
        precision, _COLOURS, kinds.items(), strict=True
    ):
        label = f'{name} {100 * curve.mean():.1f}: {meaning}'
        axis.fill_between(
            recall, below, curve, color=matplotlib.colors.to_rgba(colour),
            label=label, edgecolor='white', linewidth=0.5,
        )  # fmt: skip
        below = np.maximum(below, curve)
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.set_xlabel('recall')
    axis.set_ylabel('precision')
    axis.spines[['top', 'right']].set_visible(False)
    axis.legend(
        loc='center left', bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8,
        title='average precision while', title_fontsize=8, reverse=True,
    )  # fmt: skip
    return figure
