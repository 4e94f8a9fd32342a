"""The reader of all checkpoints; it runs no code from a file."""

import os
import re
import zipfile
from pathlib import Path
from urllib.parse import urlparse

import torch

from .errors import CheckpointError
from .safe_globals import SAFE_GLOBALS
from .safetensors_files import SUFFIX, read_safetensors

_SCHEMES = ('http://', 'https://')


def check_file(path: str | Path) -> None:
    """Check that a local checkpoint exists and is complete, without loading.

    Raises:
        CheckpointError: It is missing or truncated, or a URL other than
            http(s).
    """
    path = str(path)
    if path.startswith(_SCHEMES):
        return
    if '://' in path:
        raise CheckpointError(
            f'cannot read {path}: a checkpoint is a file or an http(s) URL; '
            'download it and give the path of the file'
        )
    if Path(path).is_dir():
        found = sorted(Path(path).glob('*.pth'), key=os.path.getmtime)
        raise CheckpointError(
            f'{path} is a folder, expected a checkpoint file, such as '
            f'{found[-1] if found else Path(path, "epoch_1.pth")}'
        )
    if not Path(path).is_file():
        raise CheckpointError(
            f'no checkpoint at {path}; train one first or correct the path'
        )
    with open(path, 'rb') as file:
        start = file.read(9)
    # A JSON header follows eight bytes with its length.
    if start[8:] == b'{' and not path.endswith(SUFFIX):
        raise CheckpointError(
            f'cannot read the checkpoint {path}: its content is safetensors; '
            f'rename it to end in {SUFFIX}'
        )
    # torch writes zip archives; their directory is at the end of the file.
    zipped = start.startswith(b'PK')
    if not start or (zipped and not zipfile.is_zipfile(path)):
        raise CheckpointError(
            f'cannot read the checkpoint {path}: it is truncated '
            f'({os.path.getsize(path):,} bytes); copy or download it again'
        )


def check_content(path: str | Path) -> None:
    """Check the checksums of a local checkpoint.

    torch does not verify the checksums that it writes, and would load a
    weight with a wrong bit. Files without checksums pass.

    Raises:
        CheckpointError: A checksum does not match.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            for part in archive.infolist():
                # torch writes 0 if checksums are turned off.
                if part.CRC:
                    _read_through(archive, part)
    # Damaged bytes make zipfile raise errors of any type.
    except Exception as error:
        raise CheckpointError(
            f'cannot read the checkpoint {path}: it is damaged ({error}); '
            'take an earlier one, or copy or download it again'
        ) from error


def _read_through(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Read a part to its end, where zipfile compares the checksum."""
    with archive.open(part) as file:
        while file.read(2**20):
            pass


def read_checkpoint(
    path: str | Path, map_location: str | torch.device = 'cpu'
) -> dict:
    """Read a checkpoint of torch, mmengine or safetensors.

    Args:
        path: File or http(s) URL; downloads are kept in torch's cache.
        map_location: See ``torch.load``.

    Returns:
        The content of the file; of safetensors, ``state_dict`` and ``meta``.

    Raises:
        CheckpointError: The file is missing, truncated, not a checkpoint, or
            holds more than weights. No code in it was run.
    """
    path = str(path)
    check_file(path)
    file = _downloaded(path) if path.startswith(_SCHEMES) else path
    if file.endswith(SUFFIX):
        return read_safetensors(file, map_location)
    check_content(file)
    content = _unpickled(file, map_location)
    if not isinstance(content, dict):
        raise CheckpointError(
            f'{path} holds a {type(content).__name__}, not a checkpoint '
            '(a dict of tensors, or one with the key state_dict)'
        )
    return content


def read_meta(path: str | Path) -> dict:
    """Read what a local checkpoint records about its training, not weights.

    Raises:
        CheckpointError: See ``read_checkpoint``.
    """
    path = str(path)
    check_file(path)
    if path.endswith(SUFFIX):
        content = read_safetensors(path, 'cpu')
    else:
        content = _unpickled(path, 'cpu', zipfile.is_zipfile(path))
    meta = content.get('meta') if isinstance(content, dict) else None
    return meta if isinstance(meta, dict) else {}


def _unpickled(path: str, map_location, mmap: bool = False):
    try:
        with torch.serialization.safe_globals(SAFE_GLOBALS):
            return torch.load(
                path, map_location=map_location, weights_only=True, mmap=mmap
            )
    # Damaged bytes make torch raise errors of any type.
    except Exception as error:
        refused = re.search(r'GLOBAL ([\w.]+)', str(error))
        if refused:
            raise CheckpointError(
                f'refused the checkpoint {path}: it holds {refused[1]}, which '
                'is not a weight, and reading that could run code; nothing '
                'was run. Take weights from a source you trust, or save them '
                "alone: torch.save({'state_dict': model.state_dict()}, FILE)"
            ) from error
        raise CheckpointError(
            f'cannot read the checkpoint {path}: {_reason(error, path)}'
        ) from error


def _reason(error: Exception, path: str) -> str:
    """The relevant sentence of torch's message, and what to do."""
    again = 'copy or download it again'
    if 'TorchScript' in str(error):
        return (
            'it is a TorchScript archive, which is code; save its weights '
            'alone: torch.save(torch.jit.load(FILE).state_dict(), OTHER)'
        )
    operand = 'Unsupported operand' in str(error)
    if isinstance(error, KeyError | EOFError | OSError) or (
        operand and not zipfile.is_zipfile(path)
    ):
        # The bytes are neither an archive nor a pickle of torch's.
        return (
            'it was not written by torch.save (perhaps a plain pickle), or '
            f'it is truncated; {again}'
        )
    lines = str(error).splitlines() or [type(error).__name__]
    relevant = [line for line in lines if 'nsupported' in line]
    first = (relevant or lines)[0].strip().split('. ')[0].rstrip('.')
    return f'{first}. It may be truncated; {again}'


def _downloaded(url: str) -> str:
    """Return the file of a URL in torch's cache."""
    folder = Path(torch.hub.get_dir(), 'checkpoints')
    file = folder / Path(urlparse(url).path).name
    if not file.is_file():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(file), progress=False)
        except (OSError, RuntimeError) as error:
            raise CheckpointError(f'cannot download {url}: {error}') from error
    return str(file)
