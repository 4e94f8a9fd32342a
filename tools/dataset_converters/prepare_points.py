r"""Check a set of point clouds and link it where the configs look for it.

Example::

    python tools/dataset_converters/prepare_points.py \
        /raid/modelnet40_normal_resampled --set modelnet40 --link data

``--set folder`` checks your own clouds for ``PointFolder``, in ``train``,
``val`` and ``test`` if these exist.
"""

import sys
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mmmap import cli
from mmmap.datasets.image_folders import folder_problem
from mmmap.datasets.preparation import (
    conclude,
    link_dataset,
    preparation_parser,
)


class Official(NamedTuple):
    """A public set: its class, its folder below data, numbers of clouds."""

    kind: str
    folder: str
    clouds: dict[tuple[str, ...], int]
    advice: str


def _scans(variant: str, train: int, test: int) -> dict:
    return {('train', variant): train, ('test', variant): test}


SETS = {
    'shapenet55': Official(
        'ShapeNet55',
        'shapenet55',
        {('train',): 41_952, ('test',): 10_518},
        """\
Expected, in Point-BERT's form:
  ROOT/train.txt, ROOT/test.txt       names of 41,952 and 10,518 files
  ROOT/shapenet_pc/*.npy              8,192 points each
From https://github.com/lulutang0608/Point-BERT (DATASET.md)""",
    ),
    'modelnet40': Official(
        'ModelNet40',
        'modelnet40_normal_resampled',
        {('train',): 9_843, ('test',): 2_468},
        """\
Expected, in the resampled text form:
  ROOT/modelnet40_shape_names.txt     40 classes
  ROOT/modelnet40_train.txt           9,843 names, _test.txt 2,468
  ROOT/<class>/<name>.txt             10,000 points each
From https://shapenet.cs.stanford.edu/media/modelnet40_normal_resampled.zip""",
    ),
    'modelnet40_h5': Official(
        'ModelNet40H5',
        'modelnet40_ply_hdf5_2048',
        {('train',): 9_840, ('test',): 2_468},
        """\
Expected, in the HDF5 form (pip install h5py):
  ROOT/shape_names.txt                40 classes
  ROOT/train_files.txt, test_files.txt
  ROOT/ply_data_*.h5                  2,048 points each
From https://shapenet.cs.stanford.edu/media/modelnet40_ply_hdf5_2048.zip""",
    ),
    'scanobjectnn': Official(
        'ScanObjectNN',
        'scanobjectnn',
        {
            **_scans('obj_bg', 2_309, 581),
            **_scans('obj_only', 2_309, 581),
            **_scans('pb_t50_rs', 11_416, 2_882),
        },
        """\
Expected (pip install h5py), below main_split and main_split_nobg:
  ROOT/main_split/*_objectdataset.h5  training 2,309 and test 581 clouds
  ROOT/main_split/*_objectdataset_augmentedrot_scale75.h5
                                      training 11,416 and test 2,882
  ROOT/main_split_nobg/*_objectdataset.h5
From https://hkust-vgd.github.io/scanobjectnn (a form is to be filled in)""",
    ),
    'shapenetpart': Official(
        'ShapeNetPart',
        'shapenetpart',
        {('train',): 12_137, ('val',): 1_870, ('test',): 2_874},
        """\
Expected, in the form with normals:
  ROOT/synsetoffset2category.txt      16 categories
  ROOT/train_test_split/shuffled_*_file_list.json
  ROOT/<category's number>/*.txt      x y z, normal, part
From https://shapenet.cs.stanford.edu/media/\
shapenetcore_partanno_segmentation_benchmark_v0_normal.zip""",
    ),
    'folder': Official(
        'PointFolder',
        'points',
        {},
        """\
Expected: ROOT/<class>/<cloud>, or ROOT/train/<class>/<cloud> and so on, as
.npz, .npy, .txt, .xyz, .pts, .ply or .off""",
    ),
}


def parts_of(name: str, root: Path) -> dict[tuple[str, ...], int | None]:
    """The parts of a set to check, with the official numbers of clouds."""
    if name != 'folder':
        return SETS[name].clouds
    splits = [s for s in ('train', 'val', 'test') if (root / s).is_dir()]
    return {(split,): None for split in splits or ['']}


def check(
    root: Path, name: str, subset: bool = False, full: bool = False
) -> list:
    """Check all parts of a set.

    Args:
        root: Its folder.
        name: A key of ``SETS``.
        subset: Accept any number of clouds.
        full: Open every cloud, not a sample.

    Returns:
        One per part, or one about a missing root.
    """
    # Imported here, so that --help is quick.
    from mmmap.datasets.checks import Report, check_dataset

    problem = folder_problem(root)
    if problem:
        return [Report.refused(name, problem)]
    reports = []
    for part, number in parts_of(name, root).items():
        settings = dict(zip(('split', 'variant'), part))
        settings.update(type=SETS[name].kind, data_root=str(root))
        report = check_dataset(settings, 'mmpretrain', full)
        report.title = ' '.join(filter(None, (name, *part)))
        if number is not None and not subset:
            report.expect(clouds=number)
        reports.append(report)
    return reports


def prepare(args: Namespace) -> int:
    """Check the data set and link it; return the exit status."""
    chosen = SETS[args.name]
    reports = check(args.root, args.name, args.subset, args.full)
    link = partial(link_dataset, args.root)
    return conclude(
        reports, chosen.advice, link, args.link and args.link / chosen.folder
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    advice = '\n\n'.join(f'{n}\n{s.advice}' for n, s in SETS.items())
    parser = preparation_parser(__doc__, advice, 'the name of the set')
    parser.add_argument('--set', choices=SETS, required=True, dest='name')
    return cli.run(prepare, parser.parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
