"""Folders as people have them, tiny."""

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

SUFFIXES = ('jpg', 'png', 'tif', 'webp')
RED, BLUE = (200, 30, 30), (30, 30, 200)


def scene(seed, size=(48, 64)):
    """A noisy picture with a red and a blue box, and which is where."""
    rng = np.random.default_rng(seed)
    image = rng.integers(90, 130, (*size, 3), dtype=np.uint8)
    labels = np.zeros(size, np.uint8)
    for number, colour in enumerate((RED, BLUE), 1):
        y, x = rng.integers(0, size[0] - 20), rng.integers(0, size[1] - 20)
        y, x = int(y), (int(x) // 2 + (number - 1) * size[1] // 2) % 44
        image[y : y + 16, x : x + 18] = colour
        labels[y : y + 16, x : x + 18] = number
    return image, labels


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array)).save(path, **options)
    return path


def folder(root, count=12, names='Straße {} süd', suffixes=SUFFIXES):
    """Images of mixed suffixes and their masks, with values 0, 1, 2."""
    for k in range(count):
        image, labels = scene(k)
        name = names.format('abcdefghijklmnopqrstuvwxyz'[k])
        suffix = suffixes[k % len(suffixes)]
        save(root / f'photos/{name}.{suffix}', image)
        save(root / f'masks/{name}.png', labels)
    return root


def coco(root, count=12, outlines=True):
    """Images and a JSON of their boxes, with outlines or without."""
    images, annotations = [], []
    for k in range(count):
        image, labels = scene(k)
        save(root / f'photos/{k}.png', image)
        images.append(
            dict(id=k + 1, file_name=f'{k}.png', width=64, height=48)
        )
        for number in (1, 2):
            y, x = np.nonzero(labels == number)
            if not len(x):
                continue
            x1, y1, x2, y2 = (
                int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1
            )  # fmt: skip
            one = dict(
                id=len(annotations) + 1,
                image_id=k + 1,
                category_id=number,
                bbox=[x1, y1, x2 - x1, y2 - y1],
                area=(x2 - x1) * (y2 - y1),
                iscrowd=0,
            )
            if outlines:
                one['segmentation'] = [[x1, y1, x2, y1, x2, y2, x1, y2]]
            annotations.append(one)
    categories = [dict(id=1, name='red'), dict(id=2, name='blue')]
    content = dict(
        images=images, annotations=annotations, categories=categories
    )
    Path(root, 'boxes.json').write_text(json.dumps(content))
    return root


def classes(root, count=6):
    """A folder of images for each of two colours."""
    for name, colour in dict(rot=RED, blau=BLUE).items():
        for k in range(count):
            image, _ = scene(k)
            image[10:40, 10:50] = colour
            save(root / f'{name}/{"abcdefgh"[k]}.png', image)
    return root


def read(path):
    """The pixels of an image."""
    return np.asarray(Image.open(path))


def filled(polygons, size):
    """Where outlines x, y, x, y, ... are, (H, W)."""
    image = np.zeros(size, np.uint8)
    points = [np.round(p).astype(np.int32).reshape(-1, 2) for p in polygons]
    return cv2.fillPoly(image, points, 1) > 0
