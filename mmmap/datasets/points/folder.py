"""A folder of clouds, a file each."""

from pathlib import Path

from mmengine.dataset import BaseDataset
from mmpretrain.registry import DATASETS

from ..point_files import SUFFIXES, PointFileError, read_cloud


class CloudFiles(BaseDataset):
    """Clouds of a file each, which are read when they are asked for."""

    def prepare_data(self, idx: int) -> dict:
        """Read a cloud and send it through the pipeline."""
        item = self.get_data_info(idx)
        return self.pipeline({**item, 'points': read_cloud(item['path'])})


@DATASETS.register_module()
class PointFolder(CloudFiles):
    """Files of clouds, below a folder for each class if there are any.

    Files are ``.npz`` (with ``points``), ``.npy`` or rows of text (``.txt``,
    ``.xyz``, ``.pts``). Where there are folders in ``split``, they are the
    classes in alphabetical order; files beside them are left out.

    Args:
        split: Folder below ``data_root``, as ``'train'``.
        **kwargs: Of mmengine's ``BaseDataset``.

    Raises:
        PointFileError: There is no such folder, or no cloud in it.
    """

    def __init__(self, split: str = '', **kwargs) -> None:
        self.split = split
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """List the files."""
        root = Path(self.data_root or '', self.split)
        if not root.is_dir():
            raise PointFileError(f'there is no folder {root}')
        classes = sorted(p.name for p in root.iterdir() if p.is_dir())
        if classes:
            self._metainfo.setdefault('classes', tuple(classes))
        items = []
        for label, name in enumerate(classes or ['']):
            for path in sorted(root.joinpath(name).rglob('*')):
                if path.suffix in SUFFIXES:
                    item = dict(path=str(path))
                    items.append(item | ({'gt_label': label} if name else {}))
        if not items:
            raise PointFileError(
                f'{root} holds no clouds ({", ".join(SUFFIXES)})'
            )
        return items
