"""Many clouds in one archive of NumPy.

Letters: n clouds, N points.
"""

from pathlib import Path

import numpy as np
from mmpretrain.registry import DATASETS

from ...errors import InputError
from ..point_files import read_clouds
from .base import PointSet

SPLITS = ('train', 'val', 'all')


@DATASETS.register_module()
class PointNPZ(PointSet):
    """Clouds with labels of classes or of parts, split by the data set.

    See ``mmmap.datasets.point_files.read_clouds`` for what the file
    holds. Of each class (or category) every ``val_every``-th cloud, from the
    first, belongs to the validation split and the others to training.

    An item has ``points`` (N, 3) fp32 and, if there are labels, ``gt_label``
    (class or category); with parts also ``gt_part`` (N,) and ``parts``, the
    parts that its category has.

    Args:
        ann_file: The file, below ``data_root``.
        split: ``'train'``, ``'val'`` or ``'all'``.
        val_every: At least 2.
        **kwargs: See mmengine's ``BaseDataset``.

    Raises:
        PointFileError: The file is absent, unreadable, or holds something
            else, or nothing for the split; the message names file and sample.
        InputError: An unknown split.
    """

    def __init__(
        self, ann_file: str, split: str = 'all', val_every: int = 5, **kwargs
    ) -> None:
        if split not in SPLITS or val_every < 2:
            raise InputError(
                f'split must be one of {", ".join(SPLITS)} and val_every at '
                f'least 2, got {split!r} and {val_every}'
            )
        self.split = split
        self.val_every = val_every
        super().__init__(ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the file; one dict for each cloud of the split."""
        arrays = read_clouds(self.ann_file)
        labels = arrays.get('label', arrays.get('category'))
        names = arrays.get('classes', arrays.get('categories'))
        if names is not None:
            self._metainfo.setdefault('classes', tuple(map(str, names)))
        parts_of = _parts_of(arrays) if 'part' in arrays else None
        if parts_of is not None:
            self._metainfo.setdefault(
                'parts', tuple(map(str, arrays['parts']))
            )
        items = []
        for index in self._members(labels, len(arrays['points'])):
            item = dict(
                points=arrays['points'][index].astype(np.float32),
                path=self.ann_file,
            )
            if labels is not None:
                item['gt_label'] = int(labels[index])
            if parts_of is not None:
                item['gt_part'] = arrays['part'][index].astype(np.int64)
                item['parts'] = parts_of[int(labels[index])]
            items.append(item)
        return items

    def _members(self, labels: np.ndarray | None, number: int) -> np.ndarray:
        """Which clouds belong to the split."""
        if self.split == 'all':
            return np.arange(number)
        labels = np.zeros(number, int) if labels is None else labels
        # For each cloud, how many of its class come before it.
        rank = np.zeros(number, int)
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            rank[own] = np.arange(len(own))
        held = rank % self.val_every == 0
        return np.flatnonzero(held if self.split == 'val' else ~held)

    def _join_prefix(self) -> None:
        self.ann_file = str(Path(self.data_root or '', self.ann_file))


def _parts_of(arrays: dict[str, np.ndarray]) -> dict[int, tuple[int, ...]]:
    """The parts that occur in each category."""
    parts = {}
    for category in np.unique(arrays['category']):
        of_it = arrays['part'][arrays['category'] == category]
        parts[int(category)] = tuple(np.unique(of_it).tolist())
    return parts
