"""Checkpoints as safetensors files, which cannot hold code.

The meta of a checkpoint (classes, config) is one JSON string in the header.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .errors import CheckpointError

SUFFIX = '.safetensors'
_META = 'meta'


def read_safetensors(path: str | Path, map_location='cpu') -> dict:
    """Read the ``state_dict`` and ``meta`` of a file.

    Raises:
        CheckpointError: It cannot be read, or safetensors is not installed.
    """
    library = _library()
    device = torch.device(map_location or 'cpu')
    try:
        with library.safe_open(path, framework='pt', device='cpu') as file:
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            header = file.metadata() or {}
        meta = json.loads(header.get(_META, '{}'))
    except (library.SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f'cannot read the checkpoint {path}: {error}. It is truncated or '
            'not a safetensors file; copy or download it again'
        ) from error
    weights = {key: value.to(device) for key, value in weights.items()}
    classes = meta.get('dataset_meta', {})
    classes.update((key, _restored(value)) for key, value in classes.items())
    return dict(state_dict=weights, meta=meta)


def write_safetensors(path: str | Path, content: dict) -> None:
    """Write the weights of a checkpoint, and its meta as far as JSON allows.

    Args:
        path: File to write.
        content: ``state_dict`` (or ``model``, as in the published code) and
            optionally ``meta``, or tensors by name.

    Raises:
        CheckpointError: It holds no weights, or safetensors is not installed.
    """
    library = _library()
    weights = content.get('state_dict', content.get('model', content))
    others = [k for k, v in weights.items() if not isinstance(v, Tensor)]
    if others or not weights:
        raise CheckpointError(
            f'safetensors holds only tensors; of {len(weights)} entries these '
            f'are not: {others[:5]}; write a .pth file instead'
        )
    # safetensors refuses tensors that share memory, so copy them.
    weights = {k: v.detach().cpu().clone() for k, v in weights.items()}
    weights = {k: v.contiguous() for k, v in weights.items()}
    meta = json.dumps(content.get('meta', {}), default=_to_json)
    # Other readers ask for the format.
    library.torch.save_file(weights, path, {'format': 'pt', _META: meta})
    _order_header(path)


def _order_header(path: str | Path) -> None:
    """Sort the header's entries, whose order is random otherwise.

    Equal content then gives an equal file, with an equal hash.
    """
    with open(path, 'r+b') as file:
        size = int.from_bytes(file.read(8), 'little')
        header = json.loads(file.read(size))
        header['__metadata__'] = dict(sorted(header['__metadata__'].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(',', ':'))
        file.seek(8)
        file.write(text.encode().ljust(size))


def _to_json(value):
    """Turn numpy's types into JSON's, and anything else into text."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return list(value) if isinstance(value, set | tuple) else str(value)


def _restored(value):
    """Turn JSON's lists into mmdet's tuples of names and of colours."""
    if not isinstance(value, list):
        return value
    colours = value and isinstance(value[0], list)
    return [tuple(part) for part in value] if colours else tuple(value)


def _library():
    try:
        import safetensors
        import safetensors.torch
    except ImportError as error:
        raise CheckpointError(
            'a .safetensors file needs the package safetensors: '
            'pip install -r requirements/runtime.txt'
        ) from error
    return safetensors
