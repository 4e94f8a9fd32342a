"""A folder of clouds, a file each."""

from pathlib import Path

from mmpretrain.registry import DATASETS

from ...errors import InputError
from ..point_files import SUFFIXES, PointFileError
from .base import CloudFiles

# Splits whose folders of classes are numbered together.
SPLITS = ('train', 'val', 'test')


@DATASETS.register_module()
class PointFolder(CloudFiles):
    """Files of clouds, with or without a folder for each class.

    Files are ``.npz`` (with ``points``), ``.npy``, rows of text (``.txt``,
    ``.xyz``, ``.pts``), ``.ply`` or ``.off``. Where there are folders in
    ``split``, they are the classes in alphabetical order; files beside them
    are ignored, and so are hidden folders. The classes of the splits
    ``train``, ``val`` and ``test`` are numbered together, so a class that one
    of them lacks keeps its number. ``metainfo=dict(classes=...)`` sets the
    classes instead.

    Args:
        split: Folder below ``data_root``, for example ``'train'``.
        surface: Points to draw from the faces of each mesh, always the same
            ones; by default its vertices are the points. Needs ``.ply`` or
            ``.off`` with faces, other files are clouds already.
        **kwargs: See mmengine's ``BaseDataset``.

    Raises:
        PointFileError: The folder is missing or has no cloud, or a folder in
            it is not one of the classes that are set.
        InputError: ``surface`` is below 1.
    """

    def __init__(
        self, split: str = '', surface: int | None = None, **kwargs
    ) -> None:
        if surface is not None and surface < 1:
            raise InputError(f'surface must be at least 1, got {surface}')
        self.split = split
        self.surface = surface
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """List the files."""
        root = Path(self.data_root or '', self.split)
        if not root.is_dir():
            raise PointFileError(f'there is no folder {root}')
        folders = _folders(root)
        if folders:
            self._metainfo.setdefault('classes', self._classes(root))
            self._check_classes(root, folders)
        items = []
        for name in folders or ['']:
            known = {}
            if name:
                known['gt_label'] = self._metainfo['classes'].index(name)
            for path in sorted(root.joinpath(name).rglob('*')):
                if path.suffix.lower() in SUFFIXES:
                    items.append(dict(path=str(path), **known))
        if not items:
            raise PointFileError(
                f'{root} holds no clouds ({", ".join(SUFFIXES)})'
            )
        return items

    def _classes(self, root: Path) -> tuple[str, ...]:
        """The folders of this split and of the other ones."""
        splits = {root}
        if self.split in SPLITS:
            splits |= {root.parent / split for split in SPLITS}
        names = {n for s in splits if s.is_dir() for n in _folders(s)}
        return tuple(sorted(names))

    def _check_classes(self, root: Path, folders: list[str]) -> None:
        classes = self._metainfo['classes']
        unknown = sorted(set(folders) - set(classes))
        if unknown:
            raise PointFileError(
                f'{root} has the folders {", ".join(unknown)}, which are none '
                f'of the classes {", ".join(classes)}'
            )


def _folders(root: Path) -> list[str]:
    """Names of the folders in a folder, without hidden ones."""
    return sorted(
        path.name
        for path in root.iterdir()
        if path.is_dir() and not path.name.startswith('.')
    )
