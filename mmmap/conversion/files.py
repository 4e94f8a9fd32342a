"""Checkpoint files: read as weights only, written whole or not at all."""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import torch

from .names import ConversionError


def _no_attribute(owner: type, name: str) -> None:
    """In place of getattr, by which logged numbers name methods of theirs."""


class _LoggedNumbers:
    """In place of mmengine's HistoryBuffer, which changes when it loads."""


# What training codes store beside tensors: command lines (the published
# code) and logged numbers (mmengine). None of them runs anything.
_HARMLESS = [
    argparse.Namespace,
    (_LoggedNumbers, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_no_attribute, 'builtins.getattr'),
    np._core.multiarray._reconstruct,
    np._core.multiarray.scalar,
    np.ndarray,
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Int64DType,
    np.dtypes.UInt32DType,
]


def read(path: str | Path) -> dict:
    """What a file of torch holds, on the CPU; no code of it is run.

    Raises:
        ConversionError: No such file, not readable, or not a dict.
    """
    path = Path(path)
    if not path.is_file():
        raise ConversionError(f'there is no file {path}; correct the path')
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            content = torch.load(path, map_location='cpu', weights_only=True)
    # torch raises whatever the bytes lead to.
    except Exception as error:
        raise ConversionError(
            f'cannot read {path} as weights: {_reason(error)}. The file may '
            'be truncated, or hold more than weights; copy or download it '
            'again'
        ) from error
    if not isinstance(content, dict):
        raise ConversionError(
            f'{path} holds a {type(content).__name__}, expected a dict of '
            'tensors'
        )
    return content


def write(path: str | Path, content: dict, overwrite: bool = False) -> None:
    """Save a checkpoint under its name only when all of it is written.

    Raises:
        ConversionError: The file exists and ``overwrite`` is False, or it
            cannot be written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise ConversionError(
            f'{path} exists; choose another name or pass --overwrite'
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f'.{path.name}.'
        )
        os.close(handle)
        try:
            torch.save(content, temporary)
            # mkstemp's files are for their owner alone.
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        raise ConversionError(f'cannot write {path}: {error}') from error


def _reason(error: Exception) -> str:
    """The sentence that matters among torch's advice."""
    if isinstance(error, KeyError | EOFError | OSError):
        # From bytes that are no pickle and no archive.
        return 'it is no file that torch.save wrote, or a part of one'
    lines = str(error).splitlines() or [type(error).__name__]
    told = [line for line in lines if 'nsupported' in line]
    return (told or lines)[0].strip().split('. ')[0].rstrip('.')
