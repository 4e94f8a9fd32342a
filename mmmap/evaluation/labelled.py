"""Labelled samples to learn from and to evaluate on."""

from collections.abc import Sequence

import numpy as np
from mmengine.dataset import BaseDataset

from ..errors import InputError
from ..wording import counted, some_of

PER_CLASS = 10  # samples that a class has at least, if there are many


def labels_of(data: BaseDataset, name: str) -> np.ndarray:
    """The class of every sample (N,).

    Raises:
        InputError: A sample has none.
    """
    items = [data.get_data_info(index) for index in range(len(data))]
    if not all('gt_label' in item for item in items):
        raise InputError(f'{name} has samples without a class')
    return np.array([int(item['gt_label']) for item in items])


def keep_some(
    sets: Sequence[BaseDataset], names: Sequence[str], num_labelled: int
) -> list[str]:
    """Keep some samples of each set, drawn evenly over classes.

    Args:
        sets: To learn from, and to evaluate on.
        names: What messages call them.
        num_labelled: Most samples of a set. If each class would have fewer
            than 10, some classes are drawn.

    Returns:
        For each set, how many were kept.

    Raises:
        InputError: Sets with different classes, without samples of the drawn
            classes, or too small for a linear probe.
    """
    if len({str(data.metainfo.get('classes')) for data in sets}) > 1:
        raise InputError(f'{" and ".join(names)} have different classes')
    labels = [labels_of(*pair) for pair in zip(sets, names, strict=True)]
    classes = drawn_classes(labels[0], num_labelled)
    notes = []
    for data, of_data, name in zip(sets, labels, names, strict=True):
        places = drawn_places(of_data, classes, num_labelled)
        if not places:
            known = data.metainfo.get('classes')
            lacking = [known[c] if known else str(c) for c in classes]
            raise InputError(
                f'{name} has no samples of {some_of(lacking)}; put some '
                'there, or raise num_labelled'
            )
        notes.append(
            f'{len(places):,} of {counted(len(data), "sample")} in {name}, '
            f'of {counted(len(classes), "class", "classes")}'
        )
        data.get_subset_(places)
    numbers = np.unique(labels_of(sets[0], names[0]), return_counts=True)[1]
    if len(numbers) < 2 or max(numbers) < 2:
        raise InputError(
            f'{names[0]} has {counted(sum(numbers), "sample")} of '
            f'{counted(len(numbers), "class", "classes")}; a linear probe '
            'needs two classes, and two samples of one of them'
        )
    return notes


def drawn_classes(labels: np.ndarray, most: int) -> np.ndarray:
    """Some classes, if ``most`` samples have too few of each class."""
    classes = np.unique(labels)
    return np.random.default_rng(0).permutation(classes)[: most // PER_CLASS]


def drawn_places(
    labels: np.ndarray, classes: np.ndarray, most: int
) -> list[int]:
    """Places of up to ``most`` samples, as many of each class as possible."""
    order = np.random.default_rng(0).permutation(len(labels))
    places = [order[labels[order] == one] for one in classes]
    longest = max(map(len, places))
    rounds = [
        p[turn] for turn in range(longest) for p in places if turn < len(p)
    ]
    return sorted(map(int, rounds[:most]))
