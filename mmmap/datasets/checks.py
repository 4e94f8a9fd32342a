"""Checks of data sets on disk: what is there, what is missing or wrong.

Every check returns a :class:`Report` and changes nothing, so a training run
can be refused in seconds, with all that is wrong at once. Without ``full``
every file is counted and a few, spread evenly, are opened.

Standard library, NumPy and Pillow only.
"""

import itertools
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.ppm', '.pgm', '.tif')
NUM_SAMPLED = 50  # files opened unless all are asked for
NUM_LISTED = 5  # names given in a problem before "and ... more"
IGNORED_LABEL = 255


@dataclass
class Report:
    """What a check found.

    Attributes:
        title: What was checked.
        counts: Numbers of what was found, by name.
        problems: One sentence for each thing that is missing or wrong.
    """

    title: str
    counts: dict = field(default_factory=dict)
    problems: list = field(default_factory=list)

    def expect(self, **numbers):
        """Note a problem for each count that differs from ``numbers``.

        Where nothing could be counted, a problem says why already.
        """
        for name, found in self.counts.items():
            expected = numbers.get(name, found)
            if found != expected:
                self.problems.append(
                    f'{found:,} {name} found, {expected:,} expected'
                )

    def __str__(self):
        numbers = [f'{n:,} {name}' for name, n in self.counts.items()]
        head = f'{self.title}: {", ".join(numbers) or "nothing to count"}'
        return '\n'.join([head, *(f'  problem: {p}' for p in self.problems)])


def some_of(names):
    """The first few names, and how many more there are."""
    names = [str(name) for name in names]
    rest = len(names) - NUM_LISTED
    more = f' and {rest:,} more' if rest > 0 else ''
    return ', '.join(names[:NUM_LISTED]) + more


def spread_over(items, full):
    """All items, or a few of them evenly spread."""
    if full or len(items) <= NUM_SAMPLED:
        return items
    places = np.linspace(0, len(items) - 1, NUM_SAMPLED).astype(int)
    return [items[place] for place in places]


def folder_problem(folder):
    """Why nothing can be read from a folder, or None.

    Args:
        folder: A path.

    Returns:
        str | None: That it is missing, no folder, or empty.
    """
    folder = Path(folder)
    if not folder.exists():
        return f'{folder} does not exist'
    if not folder.is_dir():
        return f'{folder} is a file, expected a folder'
    if not any(folder.iterdir()):
        return f'{folder} is empty'
    return None


def list_images(folder):
    """Paths of the images in a folder and below it, sorted."""
    return sorted(_walk_images(folder))


def first_images_problem(folder, count=20):
    """Why the first images in a folder or below it are of no use, or None."""
    first = list(itertools.islice(_walk_images(folder), count))
    if not first:
        return f'{folder} holds no images, nor do the folders in it'
    broken = [x for x in map(_read, first) if isinstance(x, str)]
    if broken:
        return f'{len(broken)} images cannot be read: {some_of(broken)}'
    return None


def _walk_images(folder):
    for parent, _, names in os.walk(folder, followlinks=True):
        for name in names:
            if name.lower().endswith(IMAGE_SUFFIXES):
                yield os.path.join(parent, name)


def class_names(root):
    """Names of the class folders of an ImageFolder, in label order."""
    if not Path(root).is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(root) if entry.is_dir())


def _read(path):
    """An image file as an array, or the reason why it cannot be read."""
    try:
        with Image.open(path) as image:
            return np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        return f'{path} ({error})'


def _check_readable(report, paths):
    """Count the images that could be opened, note those that could not."""
    broken = [what for what in map(_read, paths) if isinstance(what, str)]
    report.counts['opened'] = len(paths) - len(broken)
    if broken:
        report.problems.append(
            f'{len(broken)} images cannot be read: {some_of(broken)}'
        )


def check_image_folder(root, full=False):
    """Check ``root/<class>/**/<image>``.

    Args:
        root: Folder of one split.
        full: Open every image, not a sample.

    Returns:
        Report: Counts ``classes``, ``images`` and ``opened``.
    """
    report = Report(f'images by class in {root}')
    problem = folder_problem(root)
    if problem:
        report.problems.append(problem)
        return report
    names = class_names(root)
    by_class = {name: list_images(Path(root, name)) for name in names}
    images = [path for paths in by_class.values() for path in paths]
    report.counts.update(classes=len(names), images=len(images))
    empty = [name for name, paths in by_class.items() if not paths]
    if not names:
        report.problems.append(
            f'{root} has no class folders ({len(list_images(root)):,} images '
            'lie in it directly), expected <class>/<image>'
        )
    if empty:
        report.problems.append(
            f'{len(empty)} class folders without an image: {some_of(empty)}'
        )
    _check_readable(report, spread_over(images, full))
    return report


def _load_coco(path):
    """The content of a COCO annotation file, or the reason why not."""
    try:
        content = json.loads(Path(path).read_text())
    except FileNotFoundError:
        return f'{path} does not exist'
    except (OSError, ValueError) as error:
        return f'{path} cannot be read as JSON ({error})'
    keys = ['images', 'annotations', 'categories']
    if not isinstance(content, dict):
        return f'{path} holds a {type(content).__name__}, expected a dict'
    missing = [key for key in keys if not isinstance(content.get(key), list)]
    if missing:
        return f'{path} has no list of {" and of ".join(missing)}'
    return content


def _check_references(report, content):
    """Check ids: unique, and none of an unknown image or category."""
    for kind in ('images', 'annotations', 'categories'):
        ids = [entry['id'] for entry in content[kind]]
        if len(set(ids)) != len(ids):
            report.problems.append(
                f'{len(ids) - len(set(ids))} {kind} repeat an id'
            )
    for kind, key in (('images', 'image_id'), ('categories', 'category_id')):
        known = {entry['id'] for entry in content[kind]}
        lost = [a for a in content['annotations'] if a[key] not in known]
        if lost:
            values = sorted({a[key] for a in lost})
            report.problems.append(
                f'{len(lost)} annotations have {key} of no listed '
                f'{kind}: {some_of(values)}'
            )


def _check_names(report, ann_file, content, classes):
    """Check that each class is a category; one that is not is never learnt."""
    names = [str(entry['name']) for entry in content['categories']]
    absent = [name for name in classes or () if name not in names]
    if absent:
        report.problems.append(
            f'{len(absent)} classes of the config are no category of '
            f'{ann_file}: {some_of(absent)}; its categories: {some_of(names)}'
        )


def _check_sizes(report, entries, img_dir):
    """Open the images and compare their sizes with the listed ones."""
    broken, differing = [], []
    for entry in entries:
        name, listed = entry['file_name'], (entry['width'], entry['height'])
        pixels = _read(Path(img_dir, name))
        if isinstance(pixels, str):
            broken.append(pixels)
        elif pixels.shape[1::-1] != listed:
            width, height = pixels.shape[1::-1]
            listed = f'{listed[0]}x{listed[1]}'
            differing.append(f'{name} ({width}x{height}, listed {listed})')
    report.counts['opened'] = len(entries) - len(broken)
    for what, names in (
        ('images cannot be read', broken),
        ('images are not of the listed size', differing),
    ):
        if names:
            report.problems.append(f'{len(names)} {what}: {some_of(names)}')


def check_coco(ann_file, img_dir, full=False, classes=None):
    """Check a COCO annotation file against its images.

    Args:
        ann_file: ``instances_*.json``.
        img_dir: Folder of the images it lists.
        full: Open every image, not a sample.
        classes: Names that the categories must have; by default any.

    Returns:
        Report: Counts ``images`` and ``annotations`` listed,
        ``categories``, and images ``opened``.
    """
    report = Report(f'{ann_file} with images in {img_dir}')
    content = _load_coco(ann_file)
    if isinstance(content, str):
        report.problems.append(content)
        content = None
    problem = folder_problem(img_dir)
    if problem:
        report.problems.append(problem)
    if content is None:
        return report
    keys = ['images', 'annotations', 'categories']
    report.counts.update({key: len(content[key]) for key in keys})
    if not content['images']:
        report.problems.append(f'{ann_file} lists no images')
    try:
        _check_references(report, content)
        _check_names(report, ann_file, content, classes)
        if not problem:
            _check_listed_images(report, content['images'], img_dir, full)
    except (KeyError, TypeError) as error:
        report.problems.append(
            f'{ann_file} has an entry not of the COCO form ({error!r})'
        )
    return report


def _check_listed_images(report, entries, img_dir, full):
    """Check that the listed images are there, and open some or all."""
    there = {os.path.relpath(path, img_dir) for path in list_images(img_dir)}
    names = [os.path.normpath(entry['file_name']) for entry in entries]
    absent = sorted(set(names) - there)
    if absent:
        report.problems.append(
            f'{len(absent)} listed images are not in {img_dir}: '
            f'{some_of(absent)}'
        )
    present = [
        e for e, name in zip(entries, names, strict=True) if name in there
    ]
    _check_sizes(report, spread_over(present, full), img_dir)


def _by_stem(folder, suffix=None):
    """Images of a folder by their path without the suffix, or with one."""
    found = {
        os.path.relpath(path, folder): path for path in list_images(folder)
    }
    if suffix is None:
        return {os.path.splitext(name)[0]: found[name] for name in found}
    return {
        name.removesuffix(suffix): found[name]
        for name in found
        if name.endswith(suffix)
    }


def _label_problem(image, annotation, num_classes, reduce_zero_label):
    """What is wrong with one image and its class map, or None."""
    pixels, labels = _read(image), _read(annotation)
    for what in (pixels, labels):
        if isinstance(what, str):
            return f'cannot be read: {what}'
    if labels.ndim != 2:
        channels = labels.shape[2]
        return f'{annotation} has {channels} channels, expected a class map'
    if labels.shape != pixels.shape[:2]:
        return (
            f'{annotation} is {labels.shape[1]}x{labels.shape[0]}, its image '
            f'{pixels.shape[1]}x{pixels.shape[0]}'
        )
    largest = num_classes if reduce_zero_label else num_classes - 1
    values = np.unique(labels)
    wrong = values[(values > largest) & (values != IGNORED_LABEL)]
    if wrong.size:
        return (
            f'{annotation} has the values {some_of(wrong)}, expected 0 to '
            f'{largest} (or {IGNORED_LABEL}, ignored)'
        )
    return None


def check_segmentation(
    images,
    annotations,
    num_classes,
    reduce_zero_label,
    full=False,
    suffixes=(None, None),
):
    """Check that each image has a class map of its size and valid values.

    Args:
        images: Folder of images.
        annotations: Folder of class maps of the same names (any suffix).
        num_classes: Number of classes C.
        reduce_zero_label: Whether 0 is void and the classes are 1..C
            (as in ADE20K), not 0..C-1.
        full: Open every pair, not a sample.
        suffixes: How names of images and of class maps end, behind what
            they have in common; None: any suffix.

    Returns:
        Report: Counts ``images``, ``annotations`` and pairs ``opened``.
    """
    report = Report(f'images in {images} with class maps in {annotations}')
    problems = filter(None, map(folder_problem, (images, annotations)))
    report.problems.extend(problems)
    if report.problems:
        return report
    pictures = _by_stem(images, suffixes[0])
    maps = _by_stem(annotations, suffixes[1])
    report.counts.update(images=len(pictures), annotations=len(maps))
    if not pictures:
        named = f' named *{suffixes[0]}' if suffixes[0] else ''
        report.problems.append(f'{images} holds no images{named}')
    for what, alone in (
        ('images have no annotation', sorted(pictures.keys() - maps.keys())),
        ('annotations have no image', sorted(maps.keys() - pictures.keys())),
    ):
        if alone:
            report.problems.append(f'{len(alone)} {what}: {some_of(alone)}')
    pairs = spread_over(sorted(pictures.keys() & maps.keys()), full)
    report.counts['opened'] = len(pairs)
    found = [
        _label_problem(
            pictures[stem], maps[stem], num_classes, reduce_zero_label
        )
        for stem in pairs
    ]
    wrong = [problem for problem in found if problem]
    report.problems.extend(wrong[:NUM_LISTED])
    if len(wrong) > NUM_LISTED:
        report.problems.append(
            f'{len(wrong) - NUM_LISTED} more annotations are wrong likewise'
        )
    return report
