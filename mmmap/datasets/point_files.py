"""Reading and checking files of point clouds.

NumPy, and h5py for HDF5. Letters: n clouds, N points.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..ops.points.checks import LARGEST
from . import meshes

# Raised by reading a file that is truncated or of another kind.
_BROKEN = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)

SUFFIXES = ('.npz', '.npy', '.txt', '.xyz', '.pts', *meshes.SUFFIXES)


class PointFileError(InputError):
    """A file has unexpected content; the message names it."""


def existing(path: str | Path) -> Path:
    """The path of a file.

    Raises:
        PointFileError: There is none.
    """
    if not Path(path).is_file():
        raise PointFileError(
            f'there is no file {path}: the data set is not complete, or not '
            'in this folder; correct the path, or set --data-root'
        )
    return Path(path)


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """Read all arrays of a NumPy archive, without running code from it.

    Raises:
        PointFileError: No such file, or not a complete archive.
    """
    path = existing(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except _BROKEN as error:
        raise PointFileError(
            f'cannot read {path} as a NumPy archive ({error}); it is '
            'truncated or of another kind: copy or download it again'
        ) from error


def check_clouds(points: np.ndarray, source: str | Path) -> None:
    """Check that an array holds clouds, (n, N, 3), of usable numbers.

    Raises:
        PointFileError: Another type or shape, nothing in it, or a coordinate
            that is NaN, infinite or larger than the operators take; it names
            file and sample.
    """
    shape = points.shape
    if points.dtype.kind not in 'fiu':
        raise PointFileError(
            f'{source}: points must be real numbers, got {points.dtype}'
        )
    if points.ndim != 3 or shape[2] != 3 or 0 in shape:
        raise PointFileError(
            f'{source}: points must be (n, N, 3) with n and N at least 1, '
            f'got {shape}'
        )
    # The bound has a wide dtype: fp16 would make it infinite.
    usable = (np.abs(points) <= np.float64(LARGEST)).all((1, 2))
    if not usable.all():
        first = int(np.flatnonzero(~usable)[0])
        raise PointFileError(
            f'{source}: sample {first} has coordinates that are NaN, infinite '
            f'or larger than {LARGEST:g} ({int((~usable).sum())} of '
            f'{len(points)} samples have); fix or remove them'
        )


def first_three(points: np.ndarray) -> np.ndarray:
    """The coordinates of points with more columns, such as normals."""
    more = points.ndim == 3 and points.shape[2] > 3
    return points[:, :, :3] if more else points


def whole(labels: np.ndarray) -> np.ndarray:
    """Labels as whole numbers, if floats or booleans have such values."""
    if labels.dtype.kind == 'b':
        return labels.astype(np.int64)
    if labels.dtype.kind == 'f' and (labels == np.floor(labels)).all():
        return labels.astype(np.int64)
    return labels


def check_labels(
    labels: np.ndarray, classes: int, shape: tuple, source: str | Path
) -> None:
    """Check that labels have a shape and lie in [0, classes).

    Raises:
        PointFileError: They do not; it names file and sample.
    """
    if labels.shape != shape or labels.dtype.kind not in 'iu':
        raise PointFileError(
            f'{source}: labels must be whole numbers {shape}, got '
            f'{labels.dtype} {labels.shape}'
        )
    each = labels.reshape(len(labels), -1).astype(np.int64)
    wrong = ((each < 0) | (each >= classes)).any(1)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        worst = each[first][np.abs(each[first]).argmax()]
        raise PointFileError(
            f'{source}: sample {first} has label {worst}, the {classes} '
            f'classes are 0 to {classes - 1}; correct the labels or the '
            'number of classes'
        )


def read_clouds(path: str | Path) -> dict[str, np.ndarray]:
    """Read and check an archive of many clouds.

    It has ``points`` (n, N, 3 or more; the first three columns are used) and,
    if they are labelled, either ``label`` (n,) and ``classes``, or
    ``category`` (n,), ``categories``, ``part`` (n, N) and ``parts`` (named
    ``Category/part``).

    Raises:
        PointFileError: Something is missing or wrong.
    """
    arrays = read_npz(path)
    if 'points' not in arrays:
        raise PointFileError(
            f'{path} has no array points; it has {sorted(arrays)}'
        )
    # Only the coordinates; other columns, such as normals, are dropped.
    points = arrays['points'] = first_three(arrays['points'])
    check_clouds(points, path)
    if ('category' in arrays) != ('part' in arrays) or (
        'category' in arrays and 'label' in arrays
    ):
        raise PointFileError(
            f'{path} has {sorted(arrays)}; beside points it must have label '
            'and classes, or category, categories, part and parts, or none'
        )
    number, size = points.shape[:2]
    for label, names, shape in (
        ('label', 'classes', (number,)),
        ('category', 'categories', (number,)),
        ('part', 'parts', (number, size)),
    ):
        if (label in arrays) != (names in arrays):
            raise PointFileError(
                f'{path} has only one of {label} and {names}; labels and '
                'their names belong together'
            )
        if label in arrays:
            arrays[label] = whole(arrays[label])
            check_labels(arrays[label], len(arrays[names]), shape, path)
    return arrays


def read_h5(path: str | Path, classes: int) -> list[dict]:
    """Read and check the clouds of an HDF5 file, ``data`` and ``label``.

    Args:
        path: The file; h5py reads it.
        classes: Number of classes.

    Returns:
        A dict for each cloud: ``points`` (N, 3) fp32, ``gt_label`` and the
        file as ``path``.

    Raises:
        PointFileError: The file is missing or incomplete, or clouds or
            labels are wrong.
        ImportError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f'{path} is an HDF5 file, which needs h5py: pip install h5py'
        ) from error
    path = existing(path)
    try:
        with h5py.File(path) as file:
            points, labels = file['data'][()], file['label'][()]
    except (OSError, KeyError, TypeError) as error:
        raise PointFileError(
            f'cannot read data and label of {path} ({error}); it is '
            'truncated or of another kind: copy or download it again'
        ) from error
    points = first_three(points)
    check_clouds(points, path)
    if labels.shape == (len(points), 1):  # as ModelNet40 has them
        labels = labels[:, 0]
    labels = whole(labels)
    check_labels(labels, classes, (len(points),), path)
    return [
        dict(
            points=cloud.astype(np.float32),
            gt_label=int(label),
            path=str(path),
        )
        for cloud, label in zip(points, labels)
    ]


def read_cloud(path: str | Path, surface: int | None = None) -> np.ndarray:
    """Read one cloud, (N, 3) fp32, from a file of any of ``SUFFIXES``.

    Other columns, such as normals, are dropped. An archive has the cloud as
    ``points``.

    Args:
        path: The file.
        surface: Number of points to sample from the faces of a mesh
            (``.ply``, ``.off``), always the same ones; by default its
            vertices are used.

    Raises:
        PointFileError: Unreadable, or not a cloud.
    """
    if surface is None or Path(path).suffix.lower() not in meshes.SUFFIXES:
        points = read_table(path)
    else:
        rng = np.random.default_rng(0)
        with _named(path):
            points = meshes.sample_surface(
                meshes.read_mesh(path), surface, rng
            )
    points = points[:, :3]
    check_clouds(points[None], path)
    return points.astype(np.float32)


def read_table(path: str | Path) -> np.ndarray:
    """All columns of the points of one cloud, (N, 3 or more).

    Raises:
        PointFileError: Unreadable, or of fewer columns.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    with _named(path):
        if suffix == '.npz':
            points = read_npz(path).get('points', np.zeros(0))
        elif suffix == '.npy':
            points = np.load(path, allow_pickle=False)
        elif suffix in meshes.SUFFIXES:
            points = meshes.read_mesh(path).vertices
        else:
            lines = path.read_text().replace(',', ' ').splitlines()
            points = np.loadtxt(lines, ndmin=2) if lines else np.zeros((0, 3))
    if points.ndim != 2 or points.shape[1] < 3:
        raise PointFileError(
            f'{path}: a cloud must be (N, 3), got {points.shape}'
        )
    return points


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Name the file in errors of reading it."""
    try:
        yield
    except PointFileError:
        raise
    except _BROKEN as error:
        raise PointFileError(f'cannot read {path}: {error}') from error
