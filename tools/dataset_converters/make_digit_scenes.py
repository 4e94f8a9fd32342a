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

import sys
from functools import partial

from mmmap import cli
from mmmap.datasets.digit_scenes import SPLITS, Painter
from mmmap.datasets.scene_files import (
    run_writer,
    write_png,
    write_scenes,
    write_set,
    writer_parser,
)
from mmmap.errors import InputError

# Raise the number whenever the pixels of a given seed change.
FORMAT = 'mmmap digit scenes, version 2'
DIGITS = [str(digit) for digit in range(10)]


def _write_portraits(folder, painter, split, number):
    for index in range(number):
        name = f'{index:06d}.png'
        path = folder / split / DIGITS[index % 10] / name
        write_png(painter.portrait(split, index).image, path)


def _write_files(root, parameters):
    painter = Painter(*(parameters[k] for k in ('seed', 'size', 'digits')))
    for split, portraits, scenes in zip(
        SPLITS, parameters['pretrain'], parameters['scenes'], strict=True
    ):
        _write_portraits(root / 'imagenet_like', painter, split, portraits)
        drawn = (painter.scene(split, index) for index in range(scenes))
        categories = DIGITS[: painter.in_scenes]
        write_scenes(root, split, drawn, categories, FORMAT)


def _check_parameters(seed, size, pretrain, scenes, digits):
    """Raise InputError if no set can be made from these parameters."""
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


def make_digit_scenes(
    root,
    seed=0,
    size=96,
    pretrain=(2000, 200),
    scenes=(1000, 100),
    digits=3,
    overwrite=False,
):
    """Write the set completely or not at all; keep a complete one.

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
        bool: Whether it was written; False if it existed.

    Raises:
        InputError: A parameter is out of range.
        FileError: ``root`` holds something else, or is a file.
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
    return write_set(
        root,
        FORMAT,
        parameters,
        lambda folder: _write_files(folder, parameters),
        overwrite,
    )


def main(argv=None):
    """Run the command line; return its exit status."""
    parser = writer_parser(__doc__, 'data/digits', 96)
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
    run = partial(run_writer, make_digit_scenes)
    return cli.run(run, parser.parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
