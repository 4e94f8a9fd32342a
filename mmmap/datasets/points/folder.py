"""A folder of clouds, a file each."""

from pathlib import Path

from mmengine.dataset import BaseDataset
from mmpretrain.registry import DATASETS

from ..point_files import SUFFIXES, PointFileError, read_cloud


class CloudFiles(BaseDataset):
    """Clouds of a file each, which are read when they are asked for."""

    # Points to draw from the faces of meshes; None takes their vertices.
    surface: int | None = None

    def prepare_data(self, idx: int) -> dict:
        """Read a cloud and send it through the pipeline."""
        item = self.get_data_info(idx)
        points = read_cloud(item['path'], self.surface)
        return self.pipeline({**item, 'points': points})


@DATASETS.register_module()
class PointFolder(CloudFiles):
    """Files of clouds, below a folder for each class if there are any.

    Files are ``.npz`` (with ``points``), ``.npy``, rows of text (``.txt``,
    ``.xyz``, ``.pts``), ``.ply`` or ``.off``. Where there are folders in
    ``split``, they are the classes in alphabetical order; files beside them
    are left out.

    Args:
        split: Folder below ``data_root``, as ``'train'``.
        surface: Points to draw from the faces of each mesh, always the same
            ones; by default its vertices are the points. Needs ``.ply`` or
            ``.off`` with faces, other files are clouds already.
        **kwargs: Of mmengine's ``BaseDataset``.

    Raises:
        PointFileError: There is no such folder, or no cloud in it.
        ValueError: ``surface`` is below 1.
    """

    def __init__(
        self, split: str = '', surface: int | None = None, **kwargs
    ) -> None:
        if surface is not None and surface < 1:
            raise ValueError(f'surface must be at least 1, got {surface}')
        self.split = split
        self.surface = surface
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
                if path.suffix.lower() in SUFFIXES:
                    item = dict(path=str(path))
                    items.append(item | ({'gt_label': label} if name else {}))
        if not items:
            raise PointFileError(
                f'{root} holds no clouds ({", ".join(SUFFIXES)})'
            )
        return items
