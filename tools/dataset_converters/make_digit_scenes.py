"""Write a small real data set in three layouts: digits on textured scenes.

Handwritten digits of scikit-learn's ``load_digits`` (nothing is downloaded)
are enlarged, bent, coloured and laid over procedural textures::

    ROOT/
      meta.json            parameters, digest of all files
      imagenet_like/       {train,val}/<digit>/*.png, one large digit each
      ade_like/            images/{training,validation}/*.png
                           annotations/{training,validation}/*.png
                           0 void, 1 background, 2.. the digits 0..
      coco_like/           {train,val}/*.png, the same scenes
                           annotations/instances_{train,val}.json

With one set of library versions the same seed gives the same bytes.

Example::

    python tools/dataset_converters/make_digit_scenes.py data/digits
"""

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from mmmap import cli
from mmmap.datasets.digit_scenes import SPLITS, Painter
from mmmap.errors import InputError

# Raise the number whenever the pixels of a given seed change.
FORMAT = 'mmmap digit scenes, version 2'
PNG_SETTINGS = [
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,  # fastest and smallest on noisy textures
]
DIGITS = [str(digit) for digit in range(10)]


def _write_png(picture, *paths):
    """Write (S, S, 3) RGB or (S, S) uint8 with fixed encoder settings."""
    if picture.ndim == 3:
        picture = picture[..., ::-1]
    content = cv2.imencode('.png', picture, PNG_SETTINGS)[1].tobytes()
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def coco_instances(scene):
    """The kept instances of a scene as COCO annotations, without ids."""
    instances = []
    for number, digit in enumerate(scene.digits, 1):
        if not scene.kept[number - 1]:
            continue
        mask = np.asfortranarray(scene.owner == number, np.uint8)
        code = coco_mask.encode(mask)
        instances.append(
            {
                'category_id': digit + 1,
                'bbox': coco_mask.toBbox(code).tolist(),
                'area': int(coco_mask.area(code)),
                'iscrowd': 0,
                'segmentation': {
                    'size': code['size'],
                    'counts': code['counts'].decode('ascii'),
                },
            }
        )
    return instances


def _write_portraits(folder, painter, split, number):
    for index in range(number):
        name = f'{index:06d}.png'
        path = folder / split / DIGITS[index % 10] / name
        _write_png(painter.portrait(split, index).image, path)


def _write_scenes(root, painter, split, number):
    """Write the scenes of a split with both kinds of annotation."""
    ade, coco = root / 'ade_like', root / 'coco_like'
    long_split = {'train': 'training', 'val': 'validation'}[split]
    images, annotations = [], []
    for index in range(number):
        name = f'{index:06d}.png'
        scene = painter.scene(split, index)
        copies = ade / 'images' / long_split / name, coco / split / name
        _write_png(scene.image, *copies)
        labels = ade / 'annotations' / long_split / name
        _write_png(scene.semantic(), labels)
        height, width = scene.owner.shape
        record = {'file_name': name, 'height': height, 'width': width}
        images.append({'id': index + 1, **record})
        for instance in coco_instances(scene):
            ids = {'id': len(annotations) + 1, 'image_id': index + 1}
            annotations.append({**ids, **instance})
    content = {
        'info': {'description': FORMAT},
        'images': images,
        'annotations': annotations,
        'categories': [
            {'id': number, 'name': name, 'supercategory': 'digit'}
            for number, name in enumerate(DIGITS[: painter.in_scenes], 1)
        ],
    }
    path = coco / 'annotations' / f'instances_{split}.json'
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def digest(root):
    """SHA-256 over the names and bytes of all files but ``meta.json``."""
    root, total = Path(root), hashlib.sha256()
    files = [path for path in root.rglob('*') if path.is_file()]
    for path in sorted(files, key=lambda path: path.as_posix()):
        if path != root / 'meta.json':
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            name = path.relative_to(root).as_posix()
            total.update(f'{name} {content}\n'.encode())
    return total.hexdigest()


def _write_set(root, parameters):
    painter = Painter(*(parameters[k] for k in ('seed', 'size', 'digits')))
    for split, portraits, scenes in zip(
        SPLITS, parameters['pretrain'], parameters['scenes'], strict=True
    ):
        _write_portraits(root / 'imagenet_like', painter, split, portraits)
        _write_scenes(root, painter, split, scenes)
    meta = {
        'format': FORMAT,
        'parameters': parameters,
        'digest': digest(root),
    }
    (root / 'meta.json').write_text(json.dumps(meta, indent=2) + '\n')


def _check_parameters(seed, size, pretrain, scenes, digits):
    """Raise InputError unless a set can be made of these."""
    requirements = [
        (seed >= 0, f'seed {seed}, expected 0 or more'),
        (size >= 64, f'size {size} pixels, expected 64 or more'),
        (
            len(pretrain) == 2 and min(pretrain) >= 10,
            f'pretrain {pretrain}, expected numbers for train and val of 10 '
            'or more, so that every class has an image',
        ),
        (
            len(scenes) == 2 and min(scenes) >= 1,
            f'scenes {scenes}, expected numbers for train and val of 1 or '
            'more',
        ),
        (1 <= digits <= 10, f'digits {digits}, expected 1 to 10'),
    ]
    wrong = [text for met, text in requirements if not met]
    if wrong:
        raise InputError('; '.join(wrong))


def _read_meta(root):
    """The meta.json of a set this tool wrote, else None."""
    try:
        meta = json.loads((root / 'meta.json').read_text())
        known = meta['format'].startswith(FORMAT.split(',')[0])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return meta if known else None


def _is_complete(root, parameters, overwrite):
    """Whether ``root`` holds this very set; refuse what must not be lost."""
    if root.is_file():
        raise NotADirectoryError(f'{root} is a file, expected a folder')
    if not root.exists() or not any(root.iterdir()):
        return False
    meta = _read_meta(root)
    if meta is None:
        raise FileExistsError(
            f'{root} holds files and no meta.json of this tool, so it is '
            'left alone: give another root, or move that folder away'
        )
    if overwrite:
        return False
    found = {**meta.get('parameters', {}), 'format': meta['format']}
    if found != {**parameters, 'format': FORMAT}:
        raise FileExistsError(
            f'{root} holds digit scenes made with {found}, asked for are '
            f'{parameters}: give another root, or --overwrite'
        )
    if meta.get('digest') != digest(root):
        raise FileExistsError(
            f'{root} was changed since it was written (its digest differs '
            'from meta.json): --overwrite to write it again'
        )
    return True


def _put_in_place(fresh, root, aside):
    """Rename ``fresh`` to ``root``, whose old content goes ``aside``."""
    if root.exists():
        root.rename(aside)
    try:
        fresh.rename(root)
    except OSError:
        if aside.exists():
            aside.rename(root)
        raise


def make_digit_scenes(
    root,
    seed=0,
    size=96,
    pretrain=(2000, 200),
    scenes=(1000, 100),
    digits=3,
    overwrite=False,
):
    """Write the set, all of it or nothing; leave a complete one alone.

    Args:
        root: Folder to make.
        seed: Non-negative integer; the same seed gives the same bytes.
        size: Edge of every picture in pixels, 64 or more.
        pretrain: Numbers of images (train, val) in ``imagenet_like``.
        scenes: Numbers of scenes (train, val) in ``ade_like`` and
            ``coco_like``.
        digits: Scenes hold the digits below it: 3 for 0, 1 and 2.
        overwrite: Replace a digit set of other parameters, or a damaged
            one. A folder that this tool did not write is never replaced.

    Returns:
        bool: Whether it was written now (False: it was there already).

    Raises:
        InputError: A parameter is out of range.
        FileExistsError: ``root`` holds something else.
        NotADirectoryError: ``root`` is a file.
    """
    pretrain, scenes = list(pretrain), list(scenes)
    _check_parameters(seed, size, pretrain, scenes, digits)
    parameters = {
        'seed': seed,
        'size': size,
        'pretrain': pretrain,
        'scenes': scenes,
        'digits': digits,
    }
    root = Path(root).resolve()
    if _is_complete(root, parameters, overwrite):
        return False
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix='.digit-scenes-', dir=root.parent
    ) as folder:
        fresh = Path(folder, 'fresh')
        fresh.mkdir()
        _write_set(fresh, parameters)
        _put_in_place(fresh, root, Path(folder, 'old'))
    return True


def run(args):
    """Write the scenes and say so.

    Raises:
        UserError: Numbers or a folder that cannot be used.
    """
    settings = {k: v for k, v in vars(args).items() if k != 'traceback'}
    start = time.perf_counter()
    written = make_digit_scenes(**settings)
    state = 'written' if written else 'complete already'
    print(f'{args.root}: {state} ({time.perf_counter() - start:.1f} s)')


def main(argv=None):
    """Run the command line; return its exit status."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('root', help='folder to make, e.g. data/digits')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--size', type=int, default=96, help='pixels')
    for name, numbers in (('pretrain', [2000, 200]), ('scenes', [1000, 100])):
        parser.add_argument(
            f'--{name}',
            type=int,
            nargs=2,
            default=numbers,
            metavar=('TRAIN', 'VAL'),
            help=f'numbers of images (default {numbers[0]} {numbers[1]})',
        )
    parser.add_argument(
        '--digits',
        type=int,
        default=3,
        help='scenes hold the digits below it (default 3: 0, 1 and 2)',
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace a digit set with other parameters, or a damaged one',
    )
    return cli.run(run, parser.parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
