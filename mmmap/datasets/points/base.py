"""Base classes of data sets of clouds."""

from collections.abc import Collection
from typing import ClassVar

from mmengine.dataset import BaseDataset

from ...errors import InputError
from ..point_files import PointFileError, read_cloud


class PointSet(BaseDataset):
    """A data set of at least one cloud.

    Raises:
        PointFileError: There is none.
    """

    def filter_data(self) -> list[dict]:
        """Filter the clouds; called once they are listed."""
        items = super().filter_data()
        if not items:
            place = self.ann_file or self.data_root
            split = getattr(self, 'split', '')
            raise PointFileError(
                f'{type(self).__name__} finds no clouds in {place}'
                + (f', split {split}' if split else '')
            )
        return items


class SplitSet(PointSet):
    """A data set whose files have splits.

    Args:
        split: One of ``SPLITS``.
        **kwargs: See mmengine's ``BaseDataset``.

    Raises:
        InputError: Another split.
    """

    SPLITS: ClassVar[Collection[str]] = ('train', 'test')

    def __init__(self, split: str = 'train', **kwargs) -> None:
        if split not in self.SPLITS:
            raise InputError(
                f'split must be one of {", ".join(self.SPLITS)}, got {split!r}'
            )
        self.split = split
        super().__init__(**kwargs)


class CloudFiles(PointSet):
    """Clouds with a file each, read on access."""

    # Points to sample from the faces of meshes; None uses their vertices.
    surface: int | None = None

    def prepare_data(self, idx: int) -> dict:
        """Read a cloud and send it through the pipeline."""
        item = self.get_data_info(idx)
        points = read_cloud(item['path'], self.surface)
        return self.pipeline({**item, 'points': points})
