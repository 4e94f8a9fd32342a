"""``--start map-base=FILE``: weights that others have published.

mmmap may not redistribute them, and some have no lasting address, so the user
gives the file. It is converted once, checked against the model, and kept with
its hash.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from ..checkpoints import read_checkpoint, write_checkpoint
from ..conversion import official_mamba_vision, official_map
from ..conversion.names import ConversionError, unwrapped
from ..errors import FileError, InputError
from ..version import __version__

_HASHES = 'hashes.json'
_MAP_FROM = (
    "the checkpoints that the README of MAP's published code (Liu and Yi, "
    'CVPR 2025) links to; their authors publish no hash'
)
_SUFFIXES = ('.pth', '.pt', '.tar', '.safetensors', '.bin')


class Published(NamedTuple):
    """Weights by name.

    Attributes:
        kind: Our backbone, ``'HybridNet'`` or ``'MambaVision'``.
        arch: Of it.
        origin: Where they are, for people.
        converted: From official weights by name to ours.
    """

    kind: str
    arch: str
    origin: str
    converted: Callable[[dict], dict[str, Tensor]]


def _map_weights(content: dict) -> dict[str, Tensor]:
    return official_map.to_mmmap(unwrapped(content))


def _mamba_vision_weights(content: dict) -> dict[str, Tensor]:
    keys, prefixes = ('state_dict', 'model'), ('module.', 'model.')
    return official_mamba_vision.to_mmmap(unwrapped(content, keys, prefixes))


NAMES = {
    f'map-{arch}': Published('HybridNet', arch, _MAP_FROM, _map_weights)
    for arch in ('tiny', 'small', 'base', 'large', 'huge')
} | {
    f'mambavision-{arch}': Published(
        'MambaVision',
        arch,
        f'https://huggingface.co/nvidia/MambaVision-{short}-1K (of NVIDIA, '
        'for non-commercial use)',
        _mamba_vision_weights,
    )
    for arch, short in dict(
        tiny='T', tiny2='T2', small='S', base='B', large='L', large2='L2'
    ).items()
}


def split_name(given: str) -> tuple[str, str | None] | None:
    """Name and file of ``NAME`` or ``NAME=FILE``; None of anything else."""
    name, equals, file = given.partition('=')
    return (name, file if equals else None) if name in NAMES else None


def place() -> Path:
    """The folder where files are looked for, and kept."""
    home = os.environ.get('MMMAP_WEIGHTS') or '~/.cache/mmmap/weights'
    return Path(home).expanduser().absolute()


def published_start(given: str) -> tuple[Path, dict[str, Any]]:
    """The checkpoint of a name, and the settings of its backbone.

    Args:
        given: ``NAME=FILE``, or ``NAME`` of a file that is in
            :func:`place`, or was given before.

    Raises:
        FileError: There is no such file, or the folder cannot be written.
        InputError: It is another file.
    """
    name, file = split_name(given)
    weights = NAMES[name]
    settings = dict(type=weights.kind, arch=weights.arch)
    known = _hashes()
    if file is None and name in known and _kept(name, known[name]).is_file():
        return _kept(name, known[name]), settings
    source = Path(file).expanduser() if file else _lying(name)
    if source is None or not source.is_file():
        raise FileError(
            f'--start {given}: no file found. Download '
            f'{weights.origin}; then pass it as --start {name}=FILE, or put '
            f'it into {place()} as {name}.pth'
        )
    digest = _digest(source)
    if known.get(name, digest) != digest:
        raise InputError(
            f'--start {given}: the file has the SHA-256 {digest[:16]}..., but '
            f'the first file of {name} had {known[name][:16]}...; use that '
            f'one, or remove its line from {place() / _HASHES}'
        )
    kept = _kept(name, digest)
    if not kept.is_file():
        _convert(name, source, kept, settings)
    _remember(known | {name: digest})
    print(f'{name}: {source}, SHA-256 {digest}')
    return kept, settings


def _convert(name: str, source: Path, kept: Path, settings: dict) -> None:
    """Convert a file and check it against the model."""
    weights = NAMES[name]
    try:
        ours = weights.converted(read_checkpoint(str(source)))
    except ConversionError as error:
        raise ConversionError(
            f'{source} is not {name}: {error}. Expected {weights.origin}'
        ) from error
    problem = _problem(settings, ours)
    if problem:
        raise InputError(
            f'{source} is not {name}: {problem}. Expected {weights.origin}'
        )
    model = dict(backbone=settings)
    meta = dict(
        mmmap_version=__version__, source=name, cfg=f'model = {model!r}'
    )
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(kept, dict(state_dict=ours, meta=meta), True)
    except OSError as error:
        raise FileError(
            f'{kept.parent} cannot be written ({error.strerror}); set '
            'MMMAP_WEIGHTS to another folder'
        ) from error


def _problem(settings: dict, weights: dict[str, Tensor]) -> str:
    """How the weights of a backbone differ from what a model has."""
    from mmengine.registry import MODELS

    # Registered in mmpretrain's.
    with MODELS.switch_scope_and_registry('mmpretrain') as registry:
        model = registry.build(dict(settings))
    own = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    prefix = 'backbone.'
    theirs = {
        k.removeprefix(prefix): tuple(v.shape)
        for k, v in weights.items()
        if k.startswith(prefix)
    }
    for key in [*own, *theirs]:
        if own.get(key) != theirs.get(key):
            return (
                f'its {key} is {theirs.get(key, "absent")}, expected '
                f'{own.get(key, "none")} of {settings["type"]} '
                f'{settings["arch"]}'
            )
    return ''


def _lying(name: str) -> Path | None:
    """A file of that name which somebody put into the folder."""
    files = (place() / f'{name}{suffix}' for suffix in _SUFFIXES)
    return next((file for file in files if file.is_file()), None)


def _kept(name: str, digest: str) -> Path:
    return place() / 'converted' / f'{name}-{digest[:8]}.pth'


def _hashes() -> dict[str, str]:
    file = place() / _HASHES
    if not file.is_file():
        return {}
    return json.loads(file.read_text(encoding='utf-8'))


def _remember(hashes: dict[str, str]) -> None:
    place().mkdir(parents=True, exist_ok=True)
    text = json.dumps(hashes, indent=2, sort_keys=True)
    (place() / _HASHES).write_text(text + '\n', encoding='utf-8')


def _digest(path: Path) -> str:
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
