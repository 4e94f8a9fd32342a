"""Check COCO 2017 and link it where the configs look for it.

Example::

    python tools/dataset_converters/prepare_coco.py /raid/coco --link data
"""

import contextlib
import json
import sys
from functools import partial
from pathlib import Path

from mmmap import cli
from mmmap.datasets.image_folders import folder_problem
from mmmap.datasets.preparation import (
    conclude,
    link_dataset,
    preparation_parser,
)

OFFICIAL = {'train2017': 118_287, 'val2017': 5_000}
ADVICE = """\
Expected:
  ROOT/train2017/*.jpg                            118,287 images
  ROOT/val2017/*.jpg                              5,000 images
  ROOT/annotations/instances_{train,val}2017.json
From https://cocodataset.org/#download:
  http://images.cocodataset.org/zips/train2017.zip
  http://images.cocodataset.org/zips/val2017.zip
  http://images.cocodataset.org/annotations/annotations_trainval2017.zip"""


def check(root, subset=False, full=False):
    """Check both splits.

    Args:
        root: Folder of the data set.
        subset: Accept any number of images.
        full: Open every image, not a sample.

    Returns:
        list[Report]: One per split, or one about a missing root.
    """
    # Imported here, so that --help is quick.
    from mmmap.datasets.checks import Report, check_dataset

    problem = folder_problem(root)
    if problem:
        return [Report.refused('COCO 2017', problem)]
    reports = []
    for split, number in OFFICIAL.items():
        ann_file = Path(root, 'annotations', f'instances_{split}.json')
        settings = dict(
            type='CocoDataset',
            ann_file=str(ann_file),
            data_prefix=dict(img=str(Path(root, split))),
            metainfo=dict(classes=category_names(ann_file)),
            pipeline=[dict(type='LoadImageFromFile')],
        )
        report = check_dataset(settings, 'mmdet', full)
        if not subset:
            report.expect(images=number, categories=80)
        reports.append(report)
    return reports


def category_names(path):
    """Names of the categories of an annotation file, if it has any."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        categories = json.loads(path.read_text())['categories']
        return tuple(str(entry['name']) for entry in categories)
    return ()


def prepare(args):
    """Check the data set and link it; return the exit status."""
    reports = check(args.root, args.subset, args.full)
    link = partial(link_dataset, args.root)
    return conclude(reports, ADVICE, link, args.link and args.link / 'coco')


def main(argv=None):
    """Run the command line; return its exit status."""
    parser = preparation_parser(__doc__, ADVICE, 'coco')
    return cli.run(prepare, parser.parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
