"""Few examples of few classes."""

import numpy as np
from mmengine.dataset import BaseDataset
from mmpretrain.registry import DATASETS

from ..errors import InputError


@DATASETS.register_module()
class FewShot:
    """A part of a data set: a few examples of each class, or of a few.

    Classes and examples depend only on the fold's number. Examples to learn
    from and queries to classify come from one data set and do not overlap: use
    it twice, with ``query=False`` and ``query=True``. The labels of a few
    classes are renumbered from 0.

    Source: the protocol of Sharma and Kaul (arXiv 2009.14168): 5 or 10
    classes, 10 or 20 examples, 20 queries of each class, ten folds.

    Args:
        dataset: Data set with ``gt_label``, or its config.
        way: Number of classes; None for all of them, with their own labels.
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
        way: int | None = 5,
        shot: int = 10,
        fold: int = 0,
        query: bool = False,
        num_queries: int = 20,
    ) -> None:
        classes = 1 if way is None else way
        if min(classes, shot, num_queries) < 1 or fold < 0:
            raise InputError(
                'way, shot and num_queries must be at least 1 and fold at '
                f'least 0, got {way}, {shot}, {num_queries} and {fold}'
            )
        if isinstance(dataset, dict):
            dataset = DATASETS.build(dataset)
        self.dataset, self.way = dataset, way
        rng = np.random.default_rng([way or 0, shot, fold])
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
        wanted = way or np.count_nonzero(numbers)
        if len(usable) < wanted:
            raise InputError(
                f'{wanted} classes of {shot} examples and {num_queries} '
                f'queries are wanted, but only {len(usable)} classes of the '
                f'data set have {needed} samples'
            )
        self.classes = rng.permutation(usable)[:way] if way else usable
        labels_to_be = range(way) if way else usable
        part = slice(shot, needed) if query else slice(shot)
        self.members = [
            (int(index), int(label))
            for label, kind in zip(labels_to_be, self.classes, strict=True)
            for index in rng.permutation(np.flatnonzero(labels == kind))[part]
        ]

    @property
    def metainfo(self) -> dict:
        """The data set's metainfo, with the names of these classes."""
        info = dict(self.dataset.metainfo)
        if 'classes' in info and self.way:
            info['classes'] = tuple(info['classes'][i] for i in self.classes)
        return info

    def full_init(self) -> None:
        """Do nothing; mmengine's wrappers call it."""

    def __len__(self) -> int:
        return len(self.members)

    def get_data_info(self, index: int) -> dict:
        """What the data set knows of a sample, with its new label."""
        place, label = self.members[index]
        return {**self.dataset.get_data_info(place), 'gt_label': label}

    def __getitem__(self, index: int) -> dict:
        """A sample from the data set's pipeline, with its new label."""
        place, label = self.members[index]
        item = self.dataset[place]
        if 'data_samples' in item:
            item['data_samples'].set_gt_label(label)
        else:
            item['gt_label'] = label
        return item
