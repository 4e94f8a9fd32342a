"""Files that appear only when they are complete."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_beside(path: str | Path) -> Iterator[Path]:
    """An empty file beside ``path``, deleted at the end unless it was put.

    Args:
        path: The final name; its folder is created.

    Yields:
        The temporary name, with the same suffix.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix='.', suffix=path.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def put(temporary: Path, path: str | Path) -> None:
    """Give a complete file its final name; replace a file of that name."""
    # mkstemp makes files that only their owner can read.
    temporary.chmod(0o644)
    temporary.replace(path)


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """As ``temporary_beside``; without an error, the file is put."""
    with temporary_beside(path) as temporary:
        yield temporary
        put(temporary, path)
