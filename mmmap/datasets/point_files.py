"""Files of point clouds: read, checked, and named where they are wrong.

Standard library and NumPy only. Letters: n clouds, N points.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

# What reading a file raises that is truncated or of another kind.
_BROKEN = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)

SUFFIXES = ('.npz', '.npy', '.txt', '.xyz', '.pts')


class PointFileError(ValueError):
    """A file that does not hold what it should; the message names it."""


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an archive of NumPy; nothing in it is run.

    Raises:
        PointFileError: No such file, or not a whole archive.
    """
    path = Path(path)
    if not path.is_file():
        raise PointFileError(
            f'there is no file {path}; correct the path, or set --data-root '
            'to the folder that holds it'
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except _BROKEN as error:
        raise PointFileError(
            f'cannot read {path} as an archive of NumPy ({error}); it is '
            'truncated or of another kind: copy or download it again'
        ) from error


def check_clouds(points: np.ndarray, source: str | Path) -> None:
    """See that an array holds clouds, (n, N, 3), all finite.

    Raises:
        PointFileError: Another shape, nothing in it, or a coordinate that is
            NaN or infinite; it names file and sample.
    """
    shape = points.shape
    if points.ndim != 3 or shape[2] != 3 or 0 in shape:
        raise PointFileError(
            f'{source}: points must be (n, N, 3) with n and N at least 1, '
            f'got {shape}'
        )
    finite = np.isfinite(points).all((1, 2))
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise PointFileError(
            f'{source}: sample {first} has coordinates that are NaN or '
            f'infinite, as have {int((~finite).sum())} of {len(points)} '
            'samples; mend or remove them'
        )


def check_labels(
    labels: np.ndarray, classes: int, shape: tuple, source: str | Path
) -> None:
    """See that labels have a shape and lie in [0, classes).

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
    """A checked archive of many clouds.

    It has ``points`` (n, N, 3) and, if they are labelled, either ``label``
    (n,) and ``classes``, or ``category`` (n,), ``categories``, ``part``
    (n, N) and ``parts`` (named ``Category/part``).

    Raises:
        PointFileError: Something is absent or wrong.
    """
    arrays = read_npz(path)
    if 'points' not in arrays:
        raise PointFileError(
            f'{path} has no array points; it has {sorted(arrays)}'
        )
    points = arrays['points']
    check_clouds(points, path)
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
            check_labels(arrays[label], len(arrays[names]), shape, path)
    return arrays


def read_cloud(path: str | Path) -> np.ndarray:
    """One cloud, (N, 3) fp32, of ``.npz``, ``.npy`` or rows of text.

    Of what else a point has, as its normal, the first three are taken. An
    archive has it as ``points``.

    Raises:
        PointFileError: Unreadable, or not a cloud.
    """
    points = read_table(path)[:, :3].astype(np.float32)
    check_clouds(points[None], path)
    return points


def read_table(path: str | Path) -> np.ndarray:
    """All that a file says of the points of one cloud, (N, 3 or more).

    Raises:
        PointFileError: Unreadable, or of fewer columns.
    """
    path = Path(path)
    try:
        if path.suffix == '.npz':
            arrays = read_npz(path)
            points = arrays.get('points', np.zeros(0))
        elif path.suffix == '.npy':
            points = np.load(path, allow_pickle=False)
        else:
            text = path.read_text().replace(',', ' ')
            points = np.loadtxt(text.splitlines(), ndmin=2)
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, PointFileError):
            raise
        raise PointFileError(f'cannot read {path}: {error}') from error
    if points.ndim != 2 or points.shape[1] < 3:
        raise PointFileError(
            f'{path}: a cloud must be (N, 3), got {points.shape}'
        )
    return points
