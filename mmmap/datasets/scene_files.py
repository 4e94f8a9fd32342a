"""Scenes with masks as files: ADE20K's and COCO's layouts, whole or absent.

A generated set has a ``meta.json`` with its parameters and the digest of its
files, by which it is recognised.
"""

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ..cli import command_parser
from ..errors import FileError

PNG_SETTINGS = [
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,  # fastest and smallest on noisy textures
]


class Scene(Protocol):
    """An image, (S, S, 3) uint8 RGB, and what is visible in it."""

    image: np.ndarray

    def semantic(self) -> np.ndarray:
        """Class map (S, S) uint8: 0 void, 1 the first class."""

    def instances(self) -> list[tuple[int, np.ndarray]]:
        """Category, from 0, and mask (S, S) bool of each instance."""


def write_png(picture: np.ndarray, *paths: Path) -> None:
    """Write (S, S, 3) RGB or (S, S) uint8 with fixed encoder settings."""
    if picture.ndim == 3:
        picture = picture[..., ::-1]
    content = cv2.imencode('.png', picture, PNG_SETTINGS)[1].tobytes()
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def coco_instances(scene: Scene) -> list[dict]:
    """The instances of a scene as COCO annotations, without ids."""
    found = []
    for category, mask in scene.instances():
        code = coco_mask.encode(np.asfortranarray(mask, np.uint8))
        found.append(
            {
                'category_id': category + 1,
                'bbox': coco_mask.toBbox(code).tolist(),
                'area': int(coco_mask.area(code)),
                'iscrowd': 0,
                'segmentation': {
                    'size': code['size'],
                    'counts': code['counts'].decode('ascii'),
                },
            }
        )
    return found


def write_scenes(
    root: Path,
    split: str,
    scenes: Iterable[Scene],
    categories: Sequence[str],
    description: str,
) -> None:
    """Write a split with both kinds of annotation.

    Args:
        root: Gets ``ade_like`` and ``coco_like``.
        split: ``'train'`` or ``'val'``.
        scenes: In order.
        categories: Names of what instances are of.
        description: Of the set.
    """
    ade, coco = root / 'ade_like', root / 'coco_like'
    long_split = {'train': 'training', 'val': 'validation'}[split]
    images, annotations = [], []
    for index, scene in enumerate(scenes):
        name = f'{index:06d}.png'
        copies = ade / 'images' / long_split / name, coco / split / name
        write_png(scene.image, *copies)
        labels = ade / 'annotations' / long_split / name
        write_png(scene.semantic(), labels)
        height, width = scene.image.shape[:2]
        record = {'file_name': name, 'height': height, 'width': width}
        images.append({'id': index + 1, **record})
        for instance in coco_instances(scene):
            ids = {'id': len(annotations) + 1, 'image_id': index + 1}
            annotations.append({**ids, **instance})
    content = {
        'info': {'description': description},
        'images': images,
        'annotations': annotations,
        'categories': [
            {'id': number, 'name': name}
            for number, name in enumerate(categories, 1)
        ],
    }
    path = coco / 'annotations' / f'instances_{split}.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_set(
    root: str | Path,
    kind: str,
    parameters: Mapping,
    write: Callable[[Path], None],
    overwrite: bool = False,
) -> bool:
    """Write a set completely or not at all; keep a complete one.

    Args:
        root: Folder to make.
        kind: What it is and its version, e.g. ``'mmmap scenes, version 2'``.
        parameters: What it is made from.
        write: Fills the folder it is given.
        overwrite: Replace a set of this kind with other parameters, or a
            damaged one. Other folders are never replaced.

    Returns:
        Whether it was written; False if it existed.

    Raises:
        FileError: ``root`` holds something else, or is a file.
    """
    root = Path(root).resolve()
    if _is_complete(root, kind, parameters, overwrite):
        return False
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f'.{root.name}-', dir=root.parent
    ) as folder:
        fresh = Path(folder, 'fresh')
        fresh.mkdir()
        write(fresh)
        meta = {
            'format': kind,
            'parameters': parameters,
            'digest': digest(fresh),
        }
        (fresh / 'meta.json').write_text(json.dumps(meta, indent=2) + '\n')
        _put_in_place(fresh, root, Path(folder, 'old'))
    return True


def digest(root: Path) -> str:
    """SHA-256 over the names and bytes of all files but ``meta.json``."""
    total = hashlib.sha256()
    files = [path for path in root.rglob('*') if path.is_file()]
    for path in sorted(files, key=lambda path: path.as_posix()):
        if path != root / 'meta.json':
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            name = path.relative_to(root).as_posix()
            total.update(f'{name} {content}\n'.encode())
    return total.hexdigest()


def _is_complete(root, kind, parameters, overwrite) -> bool:
    """Whether ``root`` holds this set; raise if it holds anything else."""
    if root.is_file():
        raise FileError(f'{root} is a file, expected a folder')
    if not root.exists() or not any(root.iterdir()):
        return False
    name = kind.split(',')[0]
    meta = _read_meta(root, name)
    if meta is None:
        raise FileError(
            f'{root} holds files and no meta.json of {name}, so it is '
            'left alone: give another root, or move that folder away'
        )
    if overwrite:
        return False
    found = {**meta.get('parameters', {}), 'format': meta['format']}
    if found != {**parameters, 'format': kind}:
        raise FileError(
            f'{root} holds {name} made with {found}, not with '
            f'{dict(parameters)}: choose another root, or pass --overwrite'
        )
    if meta.get('digest') != digest(root):
        raise FileError(
            f'{root} was changed since it was written (its digest differs '
            'from meta.json): --overwrite to write it again'
        )
    return True


def _read_meta(root: Path, name: str) -> dict | None:
    """The meta.json of a set of that name, else None."""
    try:
        meta = json.loads((root / 'meta.json').read_text())
        known = meta['format'].split(',')[0] == name
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return meta if known else None


def _put_in_place(fresh: Path, root: Path, aside: Path) -> None:
    """Rename ``fresh`` to ``root``, after moving the old one ``aside``."""
    if root.exists():
        root.rename(aside)
    try:
        fresh.rename(root)
    except OSError:
        if aside.exists():
            aside.rename(root)
        raise


def writer_parser(
    description: str, example: str, size: int
) -> argparse.ArgumentParser:
    """The arguments that all tools which write scenes take.

    Args:
        description: What the tool does.
        example: Of a folder.
        size: The default edge of a scene in pixels.
    """
    parser = command_parser(description)
    parser.add_argument(
        'root', type=Path, help=f'folder to make, e.g. {example}'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--size', type=int, default=size, help='pixels')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace a set with other parameters, or a damaged one',
    )
    return parser


def run_writer(write: Callable[..., bool], args: argparse.Namespace) -> None:
    """Write scenes, and print where they are.

    Args:
        write: Returns whether it wrote; False if the set existed.
        args: Its arguments, of ``writer_parser``.

    Raises:
        UserError: Settings or a folder that cannot be used.
    """
    settings = {k: v for k, v in vars(args).items() if k != 'traceback'}
    start = time.perf_counter()
    state = 'written' if write(**settings) else 'complete already'
    print(f'{args.root}: {state} ({time.perf_counter() - start:.1f} s)')
