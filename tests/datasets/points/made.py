"""Archives of clouds made for tests."""

import numpy as np

CLASSES = np.array(['ball', 'cube', 'rod'])
PARTS = np.array(['A/top', 'A/leg', 'B/left', 'B/right'])


def shapes(number=15, size=40):
    """Labelled clouds, as ``shapes69_1024.npz`` has them."""
    rng = np.random.default_rng(0)
    return dict(
        points=rng.standard_normal((number, size, 3)).astype(np.float16),
        label=(np.arange(number) % 3).astype(np.int16),
        classes=CLASSES,
    )


def parts(number=10, size=40):
    """Clouds with parts, as ``parts19_2048.npz`` has them."""
    rng = np.random.default_rng(0)
    category = np.arange(number) % 2
    part = 2 * category[:, None] + rng.integers(2, size=(number, size))
    return dict(
        points=rng.standard_normal((number, size, 3)).astype(np.float16),
        part=part.astype(np.uint8),
        category=category.astype(np.int16),
        categories=np.array(['A', 'B']),
        parts=PARTS,
    )


def save(path, arrays):
    """Write an archive; return its path."""
    np.savez(path, **arrays)
    return path
