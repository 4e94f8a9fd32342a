"""Checkpoint files that appear under their name only when whole."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from .errors import CheckpointError
from .safetensors_files import SUFFIX, write_safetensors


def write_checkpoint(
    path: str | Path,
    content: dict,
    overwrite: bool = False,
    named: Callable[[Path], Path] | None = None,
) -> Path:
    """Save a checkpoint, all of it or nothing.

    Args:
        path: File to write; the suffix ``.safetensors`` makes it one of
            that form, weights and meta alone.
        content: A checkpoint.
        overwrite: Whether a file of that name is replaced.
        named: From the written bytes, in a temporary file, to the name; by
            default ``path``.

    Returns:
        The name.

    Raises:
        CheckpointError: The file exists and ``overwrite`` is False, or it
            cannot be written.
    """
    path = Path(path)
    if named is None:
        _refuse_existing(path, overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f'.{path.name}.'
        )
        os.close(handle)
        try:
            if path.suffix == SUFFIX:
                write_safetensors(temporary, content)
            else:
                torch.save(content, temporary)
            if named is not None:
                path = named(Path(temporary))
                _refuse_existing(path, overwrite)
            # mkstemp's files are for their owner alone.
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except CheckpointError:
        raise
    except (OSError, RuntimeError) as error:
        raise CheckpointError(f'cannot write {path}: {error}') from error
    return path


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise CheckpointError(
            f'{path} exists; choose another name or pass --overwrite'
        )
