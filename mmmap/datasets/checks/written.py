"""Spelling of class names in a config, and lines of lists of samples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...wording import some_of
from .report import Report

# Written by mistake instead of "classes", or in older versions.
_MISSPELT = ('class', 'classname', 'classnames', 'names', 'labels')


def check_spelling(report: Report, place: str, settings: Mapping) -> bool:
    """Check the form of metainfo.classes.

    Args:
        report: Gets the errors.
        place: Of the data set in the config.
        settings: Of the data set.

    Returns:
        Whether the names can be used.
    """
    meta = settings.get('metainfo')
    if not isinstance(meta, Mapping):
        return True
    place = f'{place}.metainfo'
    for key in meta:
        plain = str(key).lower().replace('_', '')
        wrong = plain in _MISSPELT or (plain == 'classes' and key != 'classes')
        if wrong and 'classes' not in meta:
            report.error(
                f'{place}.{key}',
                'is not read, so the data set has the classes of its type',
                f'write classes=(...) instead of {key}=(...)',
            )
            return False
    classes = meta.get('classes')
    if isinstance(classes, str) and not Path(classes).is_file():
        report.error(
            f'{place}.classes',
            f'is the text {classes!r}, expected a tuple of names',
            f"write ('{classes}',) with a comma",
        )
        return False
    return _check_each_name(report, f'{place}.classes', classes or ())


def _check_each_name(report: Report, place: str, classes) -> bool:
    if not isinstance(classes, str | Sequence):
        kind = type(classes).__name__
        what = f'is a {kind}, expected a tuple: the order gives the labels'
        report.error(place, what, 'write (...) instead of {...}')
        return False
    if not isinstance(classes, str) and isinstance(classes, Sequence):
        odd = [name for name in classes if not isinstance(name, str)]
        if odd:
            report.error(
                place, f'has {some_of(map(repr, odd))}, expected names'
            )
            return False
        twice = [name for name, n in Counter(classes).items() if n > 1]
        if twice:
            report.error(
                place,
                f'names {some_of(twice)} more than once',
                'give each class its own name',
            )
            return False
    return True


def lines_of(dataset) -> list[str] | None:
    """The lines of a list of samples; None for other annotation files."""
    file = getattr(dataset, 'ann_file', '')
    known = isinstance(file, str) and file.endswith(('.txt', '.lst', '.csv'))
    if not known or not Path(file).is_file():
        return None
    return Path(file).read_text(errors='replace').splitlines()


def check_list(report: Report, dataset) -> None:
    """Check the lines of a list of samples.

    For the libraries, an empty line is a sample without a name.
    """
    lines = lines_of(dataset)
    labelled = getattr(dataset, 'with_label', None)
    marks = ('reduce_zero_label', 'ann_subdir')  # of mmseg and of XML files
    is_list = labelled is not None or any(hasattr(dataset, m) for m in marks)
    if lines is None or not is_list:
        return
    wrong = [
        (number, line)
        for number, line in enumerate(lines, 1)
        if not line.strip() or (labelled and not _has_label(line))
    ]
    if wrong:
        number, line = wrong[0]
        wanted = "an image, a space and a label, as 'a/0.png 2'"
        report.error(
            f'{dataset.ann_file}:{number}',
            (f'is {line!r}' if line.strip() else 'is an empty line')
            + f', expected {wanted if labelled else "a name"}'
            + (f' ({len(wrong):,} such lines)' if len(wrong) > 1 else ''),
            'correct or remove the line',
        )


def _has_label(line: str) -> bool:
    words = line.strip().rsplit(' ', 1)
    return len(words) == 2 and words[1].lstrip('+-').isdigit()
