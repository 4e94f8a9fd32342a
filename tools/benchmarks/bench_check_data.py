"""Time the checks of data, on a data set made for this.

Example::

    python tools/benchmarks/bench_check_data.py
    python tools/benchmarks/bench_check_data.py --images 2000 --size 1024

Images are JPEGs of noise in colours, with class maps (mmseg) and with
polygons in a JSON (mmdet). There are 200 different ones; the others are hard
links to them, each of which is read and decoded like a separate file.
"""

import json
import os
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path

from options import base_parser

from mmmap import cli


def parse_args(argv=None) -> Namespace:
    """The command line."""
    parser = base_parser(__doc__)
    parser.add_argument('--images', type=int, default=10_000)
    parser.add_argument('--size', type=int, default=512, help='edge in pixels')
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import numpy as np
from common import print_row, start, write
from mmengine.config import Config
from PIL import Image

from mmmap.datasets.checks import look_at_data, refuse

DISTINCT = 200
CLASSES = tuple(f'class {k}' for k in range(20))
LOAD = dict(type='LoadImageFromFile')


def make(root: Path, number: int, size: int, rng) -> None:
    """Write images, class maps and a JSON of eight polygons an image."""
    for folder in ('images', 'maps'):
        (root / folder).mkdir()
    images, annotations = [], []
    for k in range(number):
        image, labels = root / f'images/{k}.jpg', root / f'maps/{k}.png'
        if k < DISTINCT:
            _write(image, labels, size, rng)
        else:
            os.link(root / f'images/{k % DISTINCT}.jpg', image)
            os.link(root / f'maps/{k % DISTINCT}.png', labels)
        images.append(
            dict(id=k, file_name=image.name, width=size, height=size)
        )
        for _ in range(8):
            annotations.append(_polygon(len(annotations) + 1, k, size, rng))
    categories = [dict(id=k + 1, name=n) for k, n in enumerate(CLASSES)]
    content = dict(
        images=images, annotations=annotations, categories=categories
    )
    (root / 'instances.json').write_text(json.dumps(content))


def _write(image: Path, labels: Path, size: int, rng) -> None:
    coarse = rng.integers(256, size=(size // 8, size // 8, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((size, size), Image.BILINEAR).save(image)
    blocks = rng.integers(20, size=(size // 32, size // 32), dtype=np.uint8)
    Image.fromarray(blocks).resize((size, size), Image.NEAREST).save(labels)


def _polygon(number: int, image: int, size: int, rng) -> dict:
    """An annotation of 32 points on an ellipse."""
    w, h = rng.integers(size // 16, size // 3, 2)
    x, y = rng.integers(0, size - max(w, h), 2)
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    xs = x + w * (1 + np.cos(angles)) / 2
    ys = y + h * (1 + np.sin(angles)) / 2
    ring = np.stack([xs, ys], 1).ravel().round(1).tolist()
    return dict(
        id=number,
        image_id=image,
        category_id=int(rng.integers(1, 21)),
        bbox=[int(x), int(y), int(w), int(h)],
        area=float(w * h * np.pi / 4),
        iscrowd=0,
        segmentation=[ring],
    )


def configs(root: Path) -> dict[str, Config]:
    """A data set of each library."""
    meta = dict(classes=CLASSES)
    seg = dict(
        type='BaseSegDataset',
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='maps'),
        metainfo=meta,
        pipeline=[LOAD, dict(type='LoadAnnotations')],
    )
    masks = dict(type='LoadAnnotations', with_bbox=True, with_mask=True)
    det = dict(
        type='CocoDataset',
        data_root=str(root),
        ann_file='instances.json',
        data_prefix=dict(img='images'),
        metainfo=meta,
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=[LOAD, masks],
    )
    return {
        'mmseg, class maps': _config('mmseg', seg),
        'mmdet, JSON': _config('mmdet', det),
    }


def _config(scope: str, dataset: dict) -> Config:
    loader = dict(dataset=dataset)
    return Config(dict(default_scope=scope, train_dataloader=loader))


def measure(args: Namespace) -> None:
    """Make a data set, check it, and print the seconds.

    Raises:
        DataError: A check finds an error where there is none.
    """
    number = 300 if args.quick else args.images
    compared = f'{number:,} images of {args.size} px, {os.cpu_count()} cores'
    start(args, compared)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(args.seed)
        make(Path(folder), number, args.size, rng)
        for name, config in configs(Path(folder)).items():
            refuse(look_at_data(config))  # imports the library
            for full in (False, True):
                row = dict(data=name, look='full' if full else 'quick')
                rows.append(row | _timed(config, full))
                print_row(rows[-1])
    write(rows, args.out, args.device)


def _timed(config: Config, full: bool) -> dict:
    begin, used = time.perf_counter(), time.process_time()
    reports = look_at_data(config, ('train',), full)
    seconds, own = time.perf_counter() - begin, time.process_time() - used
    refuse(reports)
    return dict(
        opened=reports[1].counts['opened'],
        seconds=round(seconds, 2),
        cpu_of_main=round(own, 2),
    )


main = cli.command(parse_args, measure)

if __name__ == '__main__':
    sys.exit(main())
