"""The public data sets of the paper, in their published formats.

Letters: N points.
"""

import json
from pathlib import Path

import numpy as np
from mmpretrain.registry import DATASETS

from ...errors import InputError
from ..point_files import (
    PointFileError,
    check_clouds,
    check_labels,
    existing,
    read_h5,
    read_table,
)
from .base import CloudFiles, SplitSet


def _lines(path: Path) -> list[str]:
    try:
        return existing(path).read_text().split()
    except UnicodeDecodeError as error:
        raise PointFileError(
            f'{path} is not text ({error}): copy or download it again'
        ) from error


def _json_list(path: Path) -> list:
    try:
        return list(json.loads(' '.join(_lines(path))))
    except (TypeError, json.JSONDecodeError) as error:
        raise PointFileError(
            f'{path} is not a JSON list ({error}): copy or download it again'
        ) from error


@DATASETS.register_module()
class ShapeNet55(SplitSet, CloudFiles):
    """ShapeNet-55, for pretraining: 41,952 + 10,518 clouds of 8,192 points.

    In Point-BERT's format: ``train.txt`` and ``test.txt`` list files in the
    folder ``shapenet_pc``.

    Args:
        split: ``'train'`` or ``'test'``.
        **kwargs: See mmengine's ``BaseDataset``.

    Raises:
        PointFileError: The list is absent.
    """

    def load_data_list(self) -> list[dict]:
        """List the files."""
        root = Path(self.data_root or '')
        names = _lines(root / f'{self.split}.txt')
        return [dict(path=str(root / 'shapenet_pc' / n)) for n in names]


@DATASETS.register_module()
class ModelNet40(SplitSet, CloudFiles):
    """ModelNet40: 9,843 + 2,468 clouds in 40 classes.

    In the resampled form, ``modelnet40_normal_resampled``: rows of text,
    10,000 points each, with lists of names.

    Args:
        split: ``'train'`` or ``'test'``.
        **kwargs: See mmengine's ``BaseDataset``.

    Raises:
        PointFileError: A list is absent, or names an unknown class.
    """

    def load_data_list(self) -> list[dict]:
        """List the files."""
        root = Path(self.data_root or '')
        classes = _lines(root / 'modelnet40_shape_names.txt')
        self._metainfo.setdefault('classes', tuple(classes))
        items = []
        for name in _lines(root / f'modelnet40_{self.split}.txt'):
            kind = name.rpartition('_')[0]
            if kind not in classes:
                raise PointFileError(
                    f'modelnet40_{self.split}.txt names {name}, of no class '
                    'in modelnet40_shape_names.txt'
                )
            path = root / kind / f'{name}.txt'
            items.append(dict(path=str(path), gt_label=classes.index(kind)))
        return items


@DATASETS.register_module()
class ModelNet40H5(SplitSet):
    """ModelNet40 in its HDF5 form: 9,840 + 2,468 clouds of 2,048 points.

    In the form it is given out in, ``modelnet40_ply_hdf5_2048``:
    ``shape_names.txt``, and ``train_files.txt`` and ``test_files.txt``, which
    list files beside them, whatever folder they name.

    Args:
        split: ``'train'`` or ``'test'``.
        **kwargs: See mmengine's ``BaseDataset``.

    Raises:
        PointFileError: A list or file is absent, broken, or holds something
            else.
        ImportError: h5py is not installed.
    """

    def load_data_list(self) -> list[dict]:
        """Read the files."""
        root = Path(self.data_root or '')
        classes = _lines(root / 'shape_names.txt')
        self._metainfo.setdefault('classes', tuple(classes))
        return [
            item
            for name in _lines(root / f'{self.split}_files.txt')
            for item in read_h5(root / Path(name).name, len(classes))
        ]


@DATASETS.register_module()
class ScanObjectNN(SplitSet):
    """ScanObjectNN: scanned objects of 2,048 points in 15 classes.

    In the form it is given out in, ``main_split`` and ``main_split_nobg``
    with HDF5 files, which ``h5py`` reads.

    Args:
        split: ``'train'`` or ``'test'``.
        variant: ``'obj_bg'``, ``'obj_only'`` or ``'pb_t50_rs'``, the hardest.
        **kwargs: See mmengine's ``BaseDataset``.

    Raises:
        PointFileError: A file is absent, broken, or holds something else.
        ImportError: h5py is not installed.
    """

    METAINFO = dict(
        classes=(
            'bag', 'bin', 'box', 'cabinet', 'chair', 'desk', 'display',
            'door', 'shelf', 'table', 'bed', 'pillow', 'sink', 'sofa',
            'toilet',
        )
    )  # fmt: skip
    FILES = dict(
        obj_bg='main_split/{}_objectdataset.h5',
        obj_only='main_split_nobg/{}_objectdataset.h5',
        pb_t50_rs='main_split/{}_objectdataset_augmentedrot_scale75.h5',
    )
    # The splits, as they begin the names of its files.
    SPLITS = dict(train='training', test='test')

    def __init__(
        self, split: str = 'train', variant: str = 'pb_t50_rs', **kwargs
    ) -> None:
        if variant not in self.FILES:
            raise InputError(
                f'variant must be one of {", ".join(self.FILES)}, got '
                f'{variant!r}'
            )
        self.variant = variant
        super().__init__(split, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the file."""
        file = self.FILES[self.variant].format(self.SPLITS[self.split])
        path = Path(self.data_root or '', file)
        return read_h5(path, len(self._metainfo['classes']))


@DATASETS.register_module()
class ShapeNetPart(SplitSet):
    """ShapeNetPart: shapes of 16 categories, 50 parts.

    In the form with normals: a folder for each category, rows of text with
    the part in the last column, and lists in ``train_test_split``.

    Args:
        split: ``'train'``, ``'val'``, ``'trainval'`` or ``'test'``.
        **kwargs: See mmengine's ``BaseDataset``.

    Raises:
        PointFileError: A list is absent, or a file holds something else.
    """

    # How many parts each category has; they are numbered in this order.
    PARTS = dict(
        Airplane=4, Bag=2, Cap=2, Car=4, Chair=4, Earphone=3, Guitar=3,
        Knife=2, Lamp=4, Laptop=2, Motorbike=6, Mug=2, Pistol=3, Rocket=3,
        Skateboard=3, Table=3,
    )  # fmt: skip
    METAINFO = dict(classes=tuple(PARTS))
    SPLITS = dict(
        train=['train'], val=['val'], trainval=['train', 'val'], test=['test']
    )

    def __init__(self, split: str = 'trainval', **kwargs) -> None:
        super().__init__(split, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the files."""
        root = Path(self.data_root or '')
        words = _lines(root / 'synsetoffset2category.txt')
        names = dict(zip(words[1::2], words[::2]))  # by folder
        categories = list(self.PARTS)
        items = []
        for part in self.SPLITS[self.split]:
            file = f'train_test_split/shuffled_{part}_file_list.json'
            for entry in _json_list(root / file):
                folder, _, name = str(entry).rpartition('/')
                folder = folder.rpartition('/')[2]
                if names.get(folder) not in categories:
                    raise PointFileError(
                        f'{root / file} names {entry}, of no category in '
                        'synsetoffset2category.txt'
                    )
                category = categories.index(names[folder])
                path = root / folder / f'{name}.txt'
                items.append(dict(path=str(path), gt_label=category))
        return items

    def prepare_data(self, idx: int) -> dict:
        """Read a cloud with its parts and send it through the pipeline."""
        item = self.get_data_info(idx)
        path = item['path']
        table = read_table(path)
        points = table[:, :3]
        check_clouds(points[None], path)
        column = table[:, 3:][:, -1:]
        whole = column.size and np.isfinite(column).all()
        if not (whole and np.array_equal(column, column.round())):
            raise PointFileError(
                f'{path}: the last column, after x y z, must be parts, whole '
                'numbers'
            )
        labels = column[:, 0].astype(np.int64)
        total = sum(self.PARTS.values())
        check_labels(labels[None], total, (1, len(points)), path)
        parts = self._parts(item['gt_label'])
        foreign = sorted(set(labels.tolist()) - set(parts))
        if foreign:
            raise PointFileError(
                f'{path} has parts {foreign}, its category '
                f'{self.METAINFO["classes"][item["gt_label"]]} has '
                f'{list(parts)}'
            )
        points = points.astype(np.float32)
        return self.pipeline(
            {**item, 'points': points, 'gt_part': labels, 'parts': parts}
        )

    def _parts(self, category: int) -> tuple[int, ...]:
        counts = list(self.PARTS.values())
        first = sum(counts[:category])
        return tuple(range(first, first + counts[category]))
