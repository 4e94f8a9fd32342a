"""Labels of images or clouds, for classification."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...wording import counted, some_of
from .heads import counts_of
from .parts import Part
from .report import Report

_FEW = 20  # classes that are named if they never occur


def check_labels(part: Part, config: Mapping) -> None:
    """Check that labels are valid for the head, and count them."""
    if part.dataset is None or part.relabelled:
        return
    try:
        labels = [_labels_of(item) for item in part.items]
    except (TypeError, ValueError):
        _report_other_labels(part)
        return
    if not any(labels):
        return
    if part.names:
        part.report.counts['classes'] = len(part.names)
    number = number_of_classes(part, config)
    # Labels by folders are valid; heads are compared with them elsewhere.
    if number is not None and not part.folders:
        _check_range(part, labels, number)
    _check_repeated(part, labels, number)
    counts = Counter(k for own in labels for k in own)
    names = part.names or [str(k) for k in range(number or 0)]
    total = sum(counts.values())
    part.report.tables['classes'] = {
        name: dict(images=counts[k], share=counts[k] / total)
        for k, name in enumerate(names)
    }
    warn_of_absent(part.report, part.place, names, counts)


def _labels_of(item: Mapping) -> list[int]:
    label = item.get('gt_label')
    if label is None:
        return []
    many = isinstance(label, list | tuple) or getattr(label, 'ndim', 0)
    return [int(k) for k in label] if many else [int(label)]


def _report_other_labels(part: Part) -> None:
    """Report labels that are not numbers."""
    for item in part.items:
        try:
            _labels_of(item)
        except (TypeError, ValueError):
            part.report.error(
                str(item.get('img_path') or part.place),
                f'the label is {item["gt_label"]!r}, expected the number of a '
                'class, or a list of them',
                'write numbers from 0 in the order of the classes',
            )
            return


def _check_repeated(
    part: Part, labels: list[list[int]], number: int | None
) -> None:
    """Check that no image has a label twice, as in vectors of 0 and 1."""
    twice = [k for k, own in enumerate(labels) if len({*own}) < len(own)]
    if not twice:
        return
    vectors = all(len(x) == number and {*x} <= {0, 1} for x in labels if x)
    add = part.report.error if vectors else part.report.warn
    add(
        str(part.items[twice[0]].get('img_path') or part.place),
        f'has the labels {labels[twice[0]]}, '
        + ('a 0 or 1 for each class' if vectors else 'one of them twice')
        + _share(len(twice), len(labels)),
        'list the numbers of the classes in the image, as [0, 2]',
    )


def number_of_classes(part: Part, config: Mapping) -> int | None:
    """The number of classes, by the names or else by the head."""
    if part.names or not part.named:
        return len(part.names) if part.names else None
    counts = counts_of(config.get('model') or {})
    return next(
        (
            c.number
            for c in counts
            if isinstance(c.number, int)
            and ('_head' in c.place or c.place.startswith('model.head'))
        ),
        None,
    )


def _check_range(part: Part, labels: list[list[int]], number: int) -> None:
    wrong = [
        (k, label)
        for k, own in enumerate(labels)
        for label in own
        if not 0 <= label < number
    ]
    if not wrong:
        return
    place, label = wrong[0]
    smallest = min(k for own in labels for k in own)
    file = str(getattr(part.dataset, 'ann_file', '') or '')
    where = part.place
    if file.endswith(('.txt', '.lst', '.csv')):
        where = f'{file}:{place + 1}'
    elif file:
        where = f'{file}: sample {place}'
    part.report.error(
        where,
        f'has label {label}, expected 0 to {number - 1} for '
        f'{counted(number, "class", "classes")}'
        + _share(len(wrong), len(labels)),
        'labels start at 1 here: subtract 1 from all of them'
        if smallest == 1 and max(k for _, k in wrong) == number
        else 'correct the labels, or num_classes of the head',
    )


def _share(number: int, total: int) -> str:
    """How many samples have a problem, if more than the named one."""
    return f' ({number:,} of {total:,} samples)' if number > 1 else ''


def check_folders_agree(parts: Sequence[Part]) -> None:
    """Warn if lists of two splits number the same class folders differently.

    A folder whose images have several labels is not a class folder.
    """
    known: dict[str, tuple[int, Part]] = {}
    for part in parts:
        if part.relabelled or part.folders:
            continue
        labels = _by_folder(part)
        other = {
            name: label
            for name, label in labels.items()
            if known.get(name, (label,))[0] != label
        }
        if other:
            name, label = next(iter(other.items()))
            expected, first = known[name]
            part.report.warn(
                part.file,
                f'gives images in {name!r} folders the label {label}, '
                f'{first.file} gives them {expected} (differs for '
                f'{len(other):,} of {counted(len(labels), "folder")})',
                'number the classes in the same way in all lists',
            )
        for name, label in labels.items():
            known.setdefault(name, (label, part))


def _by_folder(part: Part) -> dict[str, int]:
    """The label of each class folder; empty if there are none."""
    found: dict[str, set] = {}
    for item in part.items:
        label = item.get('gt_label')
        if not isinstance(label, int) or not item.get('img_path'):
            return {}
        name = Path(item['img_path']).parent.name
        found.setdefault(name, set()).add(label)
    if len(found) < 2 or any(len(labels) > 1 for labels in found.values()):
        return {}
    return {name: labels.pop() for name, labels in found.items()}


def warn_of_absent(
    report: Report,
    where: str,
    names: Sequence[str],
    counts: Mapping[int, int],
    looked: str = '',
    do: str = '',
) -> None:
    """Warn of classes that never occur.

    Args:
        report: Gets the warning.
        where: The data.
        names: Of all classes.
        counts: How often each label occurs.
        looked: What was opened, if not everything.
        do: What to do about it.
    """
    absent = [name for k, name in enumerate(names) if not counts.get(k)]
    if not absent or not counts:
        return
    shown = ', '.join(absent) if len(absent) <= _FEW else some_of(absent)
    never = 'never occurs' if len(absent) == 1 else 'never occur'
    report.warn(
        where,
        f'{len(absent):,} of {counted(len(names), "class", "classes")} '
        f'{never}{f" in {looked}" if looked else ""}: {shown}',
        do
        or 'training learns no class that it never sees, and a validation '
        'measures none',
    )
