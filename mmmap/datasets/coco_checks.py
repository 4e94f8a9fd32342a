"""Checks of annotation files of COCO's form, see ``checks.py``.

Standard library only.
"""

import json
import math
import os
from pathlib import Path

from .checks import Report, folder_problem, list_images, some_of, spread_over
from .image_files import read_pixels


def check_coco(ann_file, img_dir, full=False, classes=None, masks=False):
    """Check a COCO annotation file against its images.

    Args:
        ann_file: ``instances_*.json``.
        img_dir: Folder of the images it lists.
        full: Open every image, not a sample.
        classes: Names that the categories must have; by default any.
        masks: Whether each annotation must have its outline.

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
        _check_boxes(report, content, masks)
    except (KeyError, TypeError) as error:
        report.problems.append(
            f'{ann_file} has an entry not of the COCO form ({error!r})'
        )
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


def _check_boxes(report, content, masks):
    """Note what mmdet leaves out; check that what it asks for is there."""
    sizes = {i['id']: (i['width'], i['height']) for i in content['images']}
    of_images = [a for a in content['annotations'] if a['image_id'] in sizes]
    if sizes and not of_images:
        report.problems.append('none of its images has an annotation')
    wrong = [a for a in of_images if not _is_box(a['bbox'])]
    if wrong:
        report.problems.append(
            f'{len(wrong)} annotations have a bbox that is not four numbers '
            '[x, y, width, height]: '
            + some_of(f'id {a["id"]} ({a["bbox"]!r})' for a in wrong)
        )
        return
    empty = [a for a in of_images if not _has_area(a, *sizes[a['image_id']])]
    if empty:
        report.notes.append(
            f'{len(empty)} annotations have no area or lie outside their '
            'image, mmdet leaves them out: '
            f'{some_of("id " + str(a["id"]) for a in empty)}'
        )
    blank = sizes.keys() - {a['image_id'] for a in of_images}
    if blank:
        report.notes.append(
            f'{len(blank)} images have no annotation, mmdet leaves them out '
            'of training (filter_empty_gt)'
        )
    bare = [a for a in of_images if masks and not a.get('segmentation')]
    if bare:
        report.problems.append(
            f'{len(bare)} annotations have no segmentation, which a config '
            f'with masks needs: {some_of("id " + str(a["id"]) for a in bare)}'
        )


def _is_box(box):
    """Whether a bbox has the form of COCO's."""
    return (
        isinstance(box, list)
        and len(box) == 4
        and all(isinstance(v, int | float) and math.isfinite(v) for v in box)
    )


def _has_area(annotation, image_width, image_height):
    """Whether mmdet takes an annotation for an instance."""
    x, y, width, height = annotation['bbox']
    inside_x = min(x + width, image_width) - max(x, 0)
    inside_y = min(y + height, image_height) - max(y, 0)
    return (
        min(inside_x, inside_y) > 0
        and min(width, height) >= 1
        and annotation['area'] > 0
    )


def _check_sizes(report, entries, img_dir):
    """Open the images and compare their sizes with the listed ones."""
    broken, differing = [], []
    for entry in entries:
        name, listed = entry['file_name'], (entry['width'], entry['height'])
        pixels = read_pixels(Path(img_dir, name))
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
