"""Write the demo's data: mosaics of photographs that ship in packages.

Nothing is downloaded: the photographs are those of scikit-image and
scikit-learn that are free to use. Scenes are written without labels, for
pretraining, and with masks and boxes::

    ROOT/
      meta.json            parameters, digest of all files
      unlabelled/          *.png, for pretraining
      held_out/            cat.png, a photograph that is in no scene, and
                           scenes.png, some that are like those of validation
      ade_like/            images/{training,validation}/*.png
                           annotations/{training,validation}/*.png
                           0 void, 1.. the photographs
      coco_like/           {train,val}/*.png, the same scenes
                           annotations/instances_{train,val}.json

With one set of library versions the same seed gives the same bytes.

Example::

    python tools/dataset_converters/make_mosaics.py data/mosaics
"""

import sys
from functools import partial

import numpy as np

from mmmap import cli
from mmmap.datasets.mosaics import (
    COUNTS,
    HELD_OUT,
    PHOTOGRAPHS,
    THINGS,
    MosaicMaker,
    read_photograph,
)
from mmmap.datasets.scene_files import (
    run_writer,
    write_png,
    write_scenes,
    write_set,
    writer_parser,
)
from mmmap.errors import InputError

# Raise the number whenever the files of a given seed change.
FORMAT = 'mmmap mosaics, version 2'
# Pictures to complete: tiles of the size of a scene, in rows and columns.
ROWS, COLUMNS = 3, 4


def make_mosaics(root, seed=0, size=64, overwrite=False, **counts):
    """Write the set completely or not at all; keep a complete one.

    The labelled scenes are not among the unlabelled ones.

    Args:
        root: Folder to make.
        seed: Non-negative integer; the same seed gives the same bytes.
        size: Edge of every scene in pixels, 32 or more.
        overwrite: Replace a set of other parameters, or a damaged one. A
            folder that this tool did not write is never replaced.
        counts: Numbers of scenes instead of those in ``COUNTS``.

    Returns:
        bool: Whether it was written; False if it existed.

    Raises:
        InputError: A parameter is out of range.
        FileError: A photograph is not installed, or ``root`` holds something
            else.
    """
    parameters = {'seed': seed, 'size': size, **COUNTS, **counts}
    for name, value in parameters.items():
        least = dict(seed=0, size=32).get(name, 1)
        if value < least:
            raise InputError(f'{name} {value}, expected {least} or more')
    return write_set(
        root,
        FORMAT,
        parameters,
        lambda folder: _write_files(folder, **parameters),
        overwrite,
    )


def _write_files(root, seed, size, unlabelled, labelled, val):
    maker = MosaicMaker(seed, size)
    _write_held_out(root / 'held_out', maker, val)
    for index in range(unlabelled):
        scene = maker.scene('train', labelled + index)
        write_png(scene.image, root / 'unlabelled' / f'{index:06d}.png')
    for split, number in (('train', labelled), ('val', val)):
        scenes = (maker.scene(split, index) for index in range(number))
        write_scenes(root, split, scenes, THINGS, FORMAT)


def _write_held_out(folder, maker, first):
    """A photograph of which training knows nothing, and a sheet of scenes."""
    size = maker.size
    photograph = read_photograph(HELD_OUT, ROWS * size)
    photograph = photograph[:, : COLUMNS * size]
    write_png(photograph, folder / f'{HELD_OUT.name}.png')
    # Indices after those of validation.
    scenes = [
        maker.scene('val', first + index).image
        for index in range(ROWS * COLUMNS)
    ]
    rows = np.stack(scenes).reshape(ROWS, COLUMNS, size, size, 3)
    sheet = rows.transpose(0, 2, 1, 3, 4).reshape(ROWS * size, -1, 3)
    write_png(sheet, folder / 'scenes.png')


def credits():
    """A line for each photograph: what, who, licence, where."""
    return [
        f'{p.name}: {p.author}, {p.licence} ({p.file} of {p.package[0]})'
        for p in [*PHOTOGRAPHS, HELD_OUT]
    ]


def main(argv=None):
    """Run the command line; return its exit status."""
    parser = writer_parser(__doc__, 'data/mosaics', 64)
    parser.epilog = 'photographs:\n  ' + '\n  '.join(credits())
    for name, number in COUNTS.items():
        parser.add_argument(
            f'--{name}',
            type=int,
            default=number,
            metavar='N',
            help=f'scenes (default {number})',
        )
    run = partial(run_writer, make_mosaics)
    return cli.run(run, parser.parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
