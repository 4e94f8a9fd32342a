r"""Check ImageNet-1K and link it where the configs look for it.

Example::

    python tools/dataset_converters/prepare_imagenet.py /raid/imagenet \
        --link data

Where ``val/`` holds its 50,000 images without class folders, give a list of
their classes. The original stays as it is: the link is then a folder whose
``val/`` has class folders of links::

    python tools/dataset_converters/prepare_imagenet.py /raid/imagenet \
        --val-list LOC_val_solution.csv --link data
"""

import re
import sys
import tempfile
from functools import partial
from pathlib import Path

from mmmap import cli
from mmmap.datasets.image_folders import (
    class_names,
    folder_problem,
    list_images,
)
from mmmap.datasets.preparation import (
    conclude,
    link_dataset,
    preparation_parser,
    refuse_existing,
)
from mmmap.errors import InputError

OFFICIAL = {'train': 1_281_167, 'val': 50_000}
ADVICE = """\
Expected:
  ROOT/train/<WordNet id>/*.JPEG    1,000 classes, 1,281,167 images
  ROOT/val/<WordNet id>/*.JPEG      1,000 classes, 50,000 images
From https://image-net.org/download.php (an account is needed):
  ILSVRC2012_img_train.tar (a tar of one tar per class), ILSVRC2012_img_val.tar
If val/ has no class folders, add --val-list FILE: lines of an image and its
class, either a WordNet id (LOC_val_solution.csv of Kaggle's copy) or its
number from 0 among the sorted ids (val.txt of Caffe and mmpretrain), or the
devkit's ILSVRC2012_validation_ground_truth.txt with meta.mat beside it."""


def _devkit_classes(path):
    """WordNet id of each validation image in the order of the devkit."""
    from scipy.io import loadmat

    synsets = loadmat(path.with_name('meta.mat'), squeeze_me=True)['synsets']
    ids = {int(s['ILSVRC2012_ID']): str(s['WNID']) for s in synsets}
    return [ids[int(number)] for number in path.read_text().split()]


def read_val_list(path, classes):
    """Read which class each validation image belongs to.

    Args:
        path: One of the files that ``ADVICE`` names.
        classes: Sorted WordNet ids of the training set.

    Returns:
        dict[str, str]: WordNet id by image name without suffix.

    Raises:
        InputError: A line has an unknown form.
    """
    path, labels = Path(path), {}
    if path.name == 'ILSVRC2012_validation_ground_truth.txt':
        return {
            f'ILSVRC2012_val_{number:08d}': label
            for number, label in enumerate(_devkit_classes(path), 1)
        }
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.replace(',', ' ').split()
        if not words or words[0] == 'ImageId':
            continue
        label = words[1] if len(words) > 1 else ''
        if label.isdigit() and int(label) < len(classes):
            label = classes[int(label)]
        if label not in classes:
            raise InputError(
                f'{path}, line {number}: "{line[:60]}", expected an image '
                f'and a class: one of the {len(classes)} folders of train/ '
                'or its number from 0'
            )
        labels[Path(words[0]).stem] = label
    return labels


def check_flat_val(folder, labels):
    """Check a folder of images without class folders against their list."""
    from mmmap.datasets.checks import Report

    report = Report(f'images without class folders in {folder}')
    images = {Path(path).stem for path in list_images(folder)}
    report.counts.update(classes=len(set(labels.values())), images=len(images))
    for what, names in (
        ('images are not in the list', images - labels.keys()),
        ('listed images are absent', labels.keys() - images),
    ):
        if names:
            report.error(
                folder, f'{len(names)} {what}, the first: {min(names)}'
            )
    return report


def link_by_class(root, labels, destination):
    """Make a folder of links in which ``val`` has class folders.

    Args:
        root: Folder with ``train/<class>`` and a flat ``val``.
        labels: Class by image name without suffix.
        destination: Folder to create, completely or not at all.

    Raises:
        FileExistsError: Something is at ``destination``.
    """
    refuse_existing(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix='.imagenet-', dir=destination.parent
    ) as folder:
        fresh = Path(folder, 'fresh')
        link_dataset(root / 'train', fresh / 'train')
        for path in map(Path, list_images(root / 'val')):
            place = fresh / 'val' / labels[path.stem] / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path.resolve())
        fresh.rename(destination)


def _check_names(report, names, others):
    """Report class folders that are not WordNet ids, or not in train."""
    odd = [n for n in names if not re.fullmatch(r'n\d{8}', n)]
    if odd:
        report.error(
            report.title,
            f'{len(odd)} class folders are not named by a WordNet id such '
            f'as n01440764, the first: {odd[0]}',
        )
    differing = sorted(set(names) ^ set(others))
    if names and others and differing:
        report.error(
            report.title,
            'train and val differ in their class folders, so their labels '
            f'would too: {len(differing)} are in one only, the first: '
            f'{differing[0]}',
        )


def check_split(folder, full):
    """Check a folder of class folders, as mmpretrain reads it."""
    from mmmap.datasets.checks import check_dataset

    settings = dict(
        type='CustomDataset',
        data_root=str(folder),
        pipeline=[dict(type='LoadImageFromFile')],
    )
    return check_dataset(settings, 'mmpretrain', full)


def check(root, subset=False, full=False, labels=None):
    """Check both splits.

    Args:
        root: Folder with ``train`` and ``val``.
        subset: Accept any number of classes and images.
        full: Open every image, not a sample.
        labels: Class by image name, if ``val`` has no class folders.

    Returns:
        list[Report]: One per split, or one about a missing root.
    """
    # Imported here, so that --help is quick.
    from mmmap.datasets.checks import Report

    problem = folder_problem(root)
    if problem:
        return [Report.refused('ImageNet-1K', problem)]
    train = check_split(root / 'train', full)
    names = class_names(root / 'train')
    _check_names(train, names, names)
    if labels is None:
        val = check_split(root / 'val', full)
        _check_names(val, class_names(root / 'val'), names)
    else:
        val = check_flat_val(root / 'val', labels)
        _check_names(val, sorted(set(labels.values())), names)
    if not subset:
        train.expect(classes=1000, images=OFFICIAL['train'])
        val.expect(classes=1000, images=OFFICIAL['val'])
    return [train, val]


def prepare(args):
    """Check the data set and link it; return the exit status."""
    labels, link = None, partial(link_dataset, args.root)
    classes = class_names(args.root / 'train')
    if args.val_list and classes:
        labels = read_val_list(args.val_list, classes)
        link = partial(link_by_class, args.root, labels)
    reports = check(args.root, args.subset, args.full, labels)
    return conclude(
        reports, ADVICE, link, args.link and args.link / 'imagenet'
    )


def main(argv=None):
    """Run the command line; return its exit status."""
    parser = preparation_parser(__doc__, ADVICE, 'imagenet')
    parser.add_argument(
        '--val-list',
        type=Path,
        metavar='FILE',
        help='classes of the images of a val/ without class folders',
    )
    return cli.run(prepare, parser.parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
