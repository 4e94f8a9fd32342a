"""Checks of data sets on disk: what is there, what is missing or wrong.

Every check returns a :class:`Report` and changes nothing, so a training run
can be refused in seconds, with all that is wrong at once. Without ``full``
every file is counted and a few, spread evenly, are opened.

Standard library, NumPy and Pillow only. COCO files: ``coco_checks.py``.
"""

import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .image_files import read_pixels

# What mmpretrain takes from folders; it passes over the others.
FOLDER_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.ppm', '.pgm', '.tif')
IMAGE_SUFFIXES = (*FOLDER_SUFFIXES, '.tiff', '.webp')
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
        notes: One for each thing that is left out by the libraries.
    """

    title: str
    counts: dict = field(default_factory=dict)
    problems: list = field(default_factory=list)
    notes: list = field(default_factory=list)

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
        lines = [f'  problem: {p}' for p in self.problems]
        lines += [f'  note: {note}' for note in self.notes]
        return '\n'.join([head, *lines])


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


def list_images(folder, suffixes=IMAGE_SUFFIXES):
    """Paths of the images in a folder and below it, sorted."""
    return sorted(_walk_images(folder, suffixes))


def check_images(folder, full=False, count=20):
    """Check that there are images in a folder or below it.

    Args:
        folder: The folder.
        full: Open every image, not the first alone.
        count: How many those are: data sets may have millions.

    Returns:
        Report: Counts images ``opened``.
    """
    report = Report(f'images in {folder}')
    problem = folder_problem(folder)
    if problem:
        report.problems.append(problem)
        return report
    number = None if full else count
    found = _walk_images(folder, FOLDER_SUFFIXES)
    paths = list(itertools.islice(found, number))
    _check_readable(report, paths)
    if not paths:
        report.problems.append(
            f'{folder} holds no images, nor do the folders in it'
        )
    return report


def _walk_images(folder, suffixes):
    for parent, _, names in os.walk(folder, followlinks=True):
        for name in names:
            if name.lower().endswith(suffixes):
                yield os.path.join(parent, name)


def class_names(root):
    """Names of the class folders of an ImageFolder, in label order."""
    if not Path(root).is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(root) if entry.is_dir())


def _check_readable(report, paths):
    """Count the images that could be opened, note those that could not."""
    broken = [x for x in map(read_pixels, paths) if isinstance(x, str)]
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
    by_class = {
        name: list_images(Path(root, name), FOLDER_SUFFIXES) for name in names
    }
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
    pixels, labels = read_pixels(image), read_pixels(annotation)
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
