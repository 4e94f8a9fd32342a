"""One data set of a config, as the checks see it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmengine.dataset import BaseDataset

from .report import Report


@dataclass
class Part:
    """One data set of a split.

    Attributes:
        split: ``'train'``, ``'val'`` or ``'test'``.
        place: Where it is in the config.
        settings: Its part of the config.
        report: Gets the findings.
        dataset: The data set; None if it could not be built.
        listed: All samples that it lists.
        items: The samples that remain after the library's filters.
        content: The content of a COCO JSON, else None.
        things: For a panoptic JSON, whether each category is a thing.
        relabelled: Whether a wrapper changes the labels.
        named: Whether the config names the classes in a readable way.
        fold: The settings of a ``KFoldDataset`` around it, if there is one.
        unsplit: Whether a ``KFoldDataset`` splits it together with others.
        mixed: Whether a wrapper around it has its own pipeline.
        dropped: Objects whose name is not a class: their number, by name.
        reading: What the library is parsing, as written in the file.
    """

    split: str
    place: str
    settings: Mapping
    report: Report
    dataset: BaseDataset | None = None
    listed: list[dict] = field(default_factory=list)
    items: list[dict] = field(default_factory=list)
    content: dict | None = None
    things: dict[str, int] = field(default_factory=dict)
    relabelled: bool = False
    named: bool = True
    fold: Mapping | None = None
    unsplit: bool = False
    mixed: bool = False
    dropped: Counter = field(default_factory=Counter)
    reading: Mapping | None = None

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the classes in the order of labels, if it has any."""
        if self.dataset is None or not self.named:
            return None
        names = self.dataset.metainfo.get('classes')
        labelled = getattr(self.dataset, 'with_label', True)
        known = isinstance(names, list | tuple) and names and labelled
        return tuple(map(str, names)) if known else None

    @property
    def file(self) -> str:
        """The annotation file, or else the place in the config."""
        return str(getattr(self.dataset, 'ann_file', '') or self.place)

    @property
    def paths(self) -> list[str]:
        """The image of each sample that has one."""
        return [str(i['img_path']) for i in self.items if i.get('img_path')]

    @property
    def steps(self) -> list[Mapping]:
        """The steps of the pipeline, as configured."""
        steps = self.settings.get('pipeline') or ()
        return [step for step in steps if isinstance(step, Mapping)]

    def loads(self, what: str) -> bool:
        """Whether a step is set to load something, e.g. ``'with_mask'``."""
        return any(step.get(what) for step in self.steps)

    @property
    def loads_annotations(self) -> bool:
        """Whether a step loads annotations."""
        return any('Annot' in str(s.get('type')) for s in self.steps)

    @property
    def is_coco(self) -> bool:
        """Whether it is one of mmdet with a COCO JSON."""
        return self.content is not None

    @property
    def is_segmentation(self) -> bool:
        """Whether it is one of mmseg."""
        return hasattr(self.dataset, 'reduce_zero_label')

    @property
    def folders(self) -> list[str] | None:
        """The class folders that mmpretrain numbers, in its order."""
        found = getattr(self.dataset, 'folder_to_idx', None)
        return list(found) if found else None


def is_local(dataset) -> bool:
    """Whether the files of a data set are on this machine's disks."""
    backend = getattr(dataset, 'backend_args', None) or {}
    root = str(getattr(dataset, 'data_root', None) or '')
    file = str(getattr(dataset, 'ann_file', None) or '')
    local = backend.get('backend', 'local') in ('local', 'disk')
    return local and '://' not in root and '://' not in file
