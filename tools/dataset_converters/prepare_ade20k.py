r"""Check ADE20K (scene parsing, 150 classes) and link it for the configs.

Example::

    python tools/dataset_converters/prepare_ade20k.py \
        /raid/ADEChallengeData2016 --link data

Other data in its layout is taken too, with 0 as void and classes from 1::

    python tools/dataset_converters/prepare_ade20k.py ROOT \
        --subset --num-classes 11
"""

import sys
from functools import partial

from mmmap import cli
from mmmap.datasets.image_folders import folder_problem
from mmmap.datasets.preparation import (
    conclude,
    link_dataset,
    preparation_parser,
)

OFFICIAL = {'training': 20_210, 'validation': 2_000}
NAME = 'ADEChallengeData2016'
LAYOUT = f'ade/{NAME}'
ADVICE = """\
Expected (ROOT or ROOT/ADEChallengeData2016):
  ROOT/images/training/*.jpg          20,210 images
  ROOT/images/validation/*.jpg         2,000 images
  ROOT/annotations/training/*.png     0 void, 1..150 classes
  ROOT/annotations/validation/*.png
From:
  http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip"""


def check(root, subset=False, full=False, num_classes=150):
    """Check both splits.

    Args:
        root: Folder with ``images`` and ``annotations``.
        subset: Accept any number of images.
        full: Open every image and annotation, not a sample.
        num_classes: Largest value allowed in an annotation.

    Returns:
        list[Report]: One per split, or one about a missing root.
    """
    # Imported here, so that --help is quick.
    from mmmap.datasets.checks import Report, check_dataset

    problem = folder_problem(root)
    if problem:
        return [Report.refused('ADE20K', problem)]
    reports = []
    for split, number in OFFICIAL.items():
        settings = dict(
            type='BaseSegDataset',
            data_root=str(root),
            data_prefix=dict(
                img_path=f'images/{split}', seg_map_path=f'annotations/{split}'
            ),
            reduce_zero_label=True,
            metainfo=dict(classes=[f'{k + 1}' for k in range(num_classes)]),
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='LoadAnnotations'),
            ],
        )
        report = check_dataset(settings, 'mmseg', full)
        if not subset:
            report.expect(images=number)
        reports.append(report)
    return reports


def prepare(args):
    """Check the data set and link it; return the exit status."""
    root = args.root
    if (root / NAME).is_dir():  # the folder into which the zip was unpacked
        root = root / NAME
    reports = check(root, args.subset, args.full, args.num_classes)
    link = partial(link_dataset, root)
    return conclude(reports, ADVICE, link, args.link and args.link / LAYOUT)


def main(argv=None):
    """Run the command line; return its exit status."""
    parser = preparation_parser(__doc__, ADVICE, LAYOUT)
    parser.add_argument(
        '--num-classes',
        type=int,
        default=150,
        help='largest value in an annotation (default 150)',
    )
    return cli.run(prepare, parser.parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
