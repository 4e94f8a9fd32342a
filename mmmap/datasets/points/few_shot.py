"""Few examples of few classes."""

import numpy as np
from mmengine.dataset import BaseDataset
from mmpretrain.registry import DATASETS

from ...errors import InputError


@DATASETS.register_module()
class FewShot:
    """A part of a data set: a few classes, a few examples of each.

    Classes and examples depend only on the fold's number. Examples to learn
    from and queries to classify come from one data set and do not overlap: use
    it twice, with ``query=False`` and ``query=True``. Labels are renumbered
    from 0.

    Source: the protocol of Sharma and Kaul (arXiv 2009.14168): 5 or 10
    classes, 10 or 20 examples, 20 queries of each class, ten folds.

    Args:
        dataset: Data set with ``gt_label``, or its config.
        way: Classes.
        shot: Examples of each to learn from.
        fold: Number of the fold.
        query: Whether this is the part to classify.
        num_queries: Of each class.

    Raises:
        InputError: A number that is too small, a data set without labels,
            or too few classes that have so many examples.
    """

    def __init__(
        self,
        dataset: dict | BaseDataset,
        way: int = 5,
        shot: int = 10,
        fold: int = 0,
        query: bool = False,
        num_queries: int = 20,
    ) -> None:
        if min(way, shot, num_queries) < 1 or fold < 0:
            raise InputError(
                'way, shot and num_queries must be at least 1 and fold at '
                f'least 0, got {way}, {shot}, {num_queries} and {fold}'
            )
        if isinstance(dataset, dict):
            dataset = DATASETS.build(dataset)
        self.dataset = dataset
        rng = np.random.default_rng([way, shot, fold])
        about = [dataset.get_data_info(i) for i in range(len(dataset))]
        if not all('gt_label' in item for item in about):
            raise InputError(
                'few-shot needs the class of every sample, but the data set '
                'has some without gt_label'
            )
        labels = [item['gt_label'] for item in about]
        needed = shot + num_queries
        numbers = np.bincount(labels)
        usable = np.flatnonzero(numbers >= needed)
        if len(usable) < way:
            raise InputError(
                f'{way} classes of {shot} examples and {num_queries} queries '
                f'are wanted, but only {len(usable)} classes of the data set '
                f'have {needed} samples'
            )
        self.classes = rng.permutation(usable)[:way]
        part = slice(shot, needed) if query else slice(shot)
        self.members = [
            (int(index), label)
            for label, kind in enumerate(self.classes)
            for index in rng.permutation(np.flatnonzero(labels == kind))[part]
        ]

    @property
    def metainfo(self) -> dict:
        """That of the data set, with the names of these classes."""
        info = dict(self.dataset.metainfo)
        if 'classes' in info:
            info['classes'] = tuple(info['classes'][i] for i in self.classes)
        return info

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: int) -> dict:
        """A sample from the data set's pipeline, with its new label."""
        place, label = self.members[index]
        item = self.dataset[place]
        if 'data_samples' in item:
            item['data_samples'].set_gt_label(label)
        else:
            item['gt_label'] = label
        return item
