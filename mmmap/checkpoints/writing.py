"""Writing checkpoints completely or not at all."""

from collections.abc import Callable
from pathlib import Path

import torch

from ..writing import put, temporary_beside
from .errors import CheckpointError
from .safetensors_files import SUFFIX, write_safetensors


def write_checkpoint(
    path: str | Path,
    content: dict,
    overwrite: bool = False,
    named: Callable[[Path], Path] | None = None,
) -> Path:
    """Save a checkpoint completely or not at all.

    Args:
        path: File to write; with the suffix ``.safetensors``, in that format
            and with weights and meta only.
        content: A checkpoint.
        overwrite: Whether to replace a file of that name.
        named: Returns the final name, given the temporary file; by default
            ``path``.

    Returns:
        The final name.

    Raises:
        CheckpointError: The file exists and ``overwrite`` is False, or it
            cannot be written.
    """
    path = Path(path)
    if named is None:
        _refuse_existing(path, overwrite)
    try:
        with temporary_beside(path) as temporary:
            if path.suffix == SUFFIX:
                write_safetensors(temporary, content)
            else:
                # Given a name, torch would store it in the file.
                with open(temporary, 'wb') as file:
                    torch.save(content, file)
            if named is not None:
                path = named(temporary)
                _refuse_existing(path, overwrite)
            put(temporary, path)
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
