"""Labels of whole samples, as classifiers learn them, and which occur."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from .heads import counts_of
from .parts import Part
from .report import Report, some_of

_FEW = 20  # classes that are named if they never occur


def check_labels(part: Part, config: Mapping) -> None:
    """Check that labels are of the head's classes; count them."""
    if part.dataset is None or part.relabelled:
        return
    try:
        labels = [_labels_of(item) for item in part.items]
    except (TypeError, ValueError):
        _name_other_labels(part)
        return
    if not any(labels):
        return
    if part.names:
        part.report.counts['classes'] = len(part.names)
    number = number_of_classes(part, config)
    # Labels by folders are right; whether heads have as many is asked there.
    if number is not None and not part.folders:
        _check_range(part, labels, number)
    _check_repeated(part, labels, number)
    counts = Counter(k for those in labels for k in those)
    names = part.names or [str(k) for k in range(number or 0)]
    total = sum(counts.values())
    part.report.tables['classes'] = {
        name: dict(images=counts[k], share=counts[k] / total)
        for k, name in enumerate(names)
    }
    tell_of_absent(part.report, part.place, names, counts)


def _labels_of(item: Mapping) -> list[int]:
    label = item.get('gt_label')
    if label is None:
        return []
    many = isinstance(label, list | tuple) or getattr(label, 'ndim', 0)
    return [int(k) for k in label] if many else [int(label)]


def _name_other_labels(part: Part) -> None:
    """Note an error: labels that are no numbers."""
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
    """Check that no sample has a label twice, as vectors of 0 and 1 do."""
    twice = [k for k, those in enumerate(labels) if len({*those}) < len(those)]
    if not twice:
        return
    vectors = all(len(x) == number and {*x} <= {0, 1} for x in labels if x)
    told = part.report.error if vectors else part.report.warn
    told(
        str(part.items[twice[0]].get('img_path') or part.place),
        f'has the labels {labels[twice[0]]}, one of them repeatedly; '
        f'{len(twice):,} of {len(labels):,} samples are alike'
        + (': a 0 or 1 for each class' if vectors else ''),
        'list the numbers of the classes that are there, as [0, 2]',
    )


def number_of_classes(part: Part, config: Mapping) -> int | None:
    """How many classes there are, by the names or else by the head."""
    if part.names or not part.spelled:
        return len(part.names) if part.names else None
    counts = counts_of(config.get('model') or {})
    return next(
        (
            c.number
            for c in counts
            if '_head' in c.place or c.place.startswith('model.head')
        ),
        None,
    )


def _check_range(part: Part, labels: list[list[int]], number: int) -> None:
    wrong = [
        (k, label)
        for k, those in enumerate(labels)
        for label in those
        if not 0 <= label < number
    ]
    if not wrong:
        return
    place, label = wrong[0]
    smallest = min(k for those in labels for k in those)
    file = str(getattr(part.dataset, 'ann_file', '') or '')
    where = part.place
    if file.endswith(('.txt', '.lst', '.csv')):
        where = f'{file}:{place + 1}'
    elif file:
        where = f'{file}: sample {place}'
    part.report.error(
        where,
        f'label {label} of {number} classes, which are 0 to {number - 1}; '
        f'{len(wrong):,} of {len(labels):,} samples are alike',
        'labels begin with 1 here: subtract 1 from all of them'
        if smallest == 1 and max(k for _, k in wrong) == number
        else 'correct the labels, or num_classes of the head',
    )


def check_folders_agree(parts: Sequence[Part]) -> None:
    """Warn where lists of two splits number the same class folders apart.

    Only where each folder has one label: others are no class folders.
    """
    known: dict[str, tuple[int, Part]] = {}
    for part in parts:
        if part.relabelled or part.folders:
            continue
        labels = _by_folder(part)
        apart = {
            name: label
            for name, label in labels.items()
            if known.get(name, (label,))[0] != label
        }
        if apart:
            name, label = next(iter(apart.items()))
            other, first = known[name]
            part.report.warn(
                getattr(part.dataset, 'ann_file', '') or part.place,
                f'images in folders named {name!r} have the label {label}, '
                f'in {first.place} {other}; {len(apart):,} of '
                f'{len(labels):,} folders differ',
                'number the classes alike in all lists',
            )
        for name, label in labels.items():
            known.setdefault(name, (label, part))


def _by_folder(part: Part) -> dict[str, int]:
    """The label of each class folder; empty where they are none."""
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


def tell_of_absent(
    report: Report,
    where: str,
    names: Sequence[str],
    counts: Mapping[int, int],
    looked: str = '',
    do: str = '',
) -> None:
    """Warn of classes that never occur.

    Args:
        report: Where to note it.
        where: The data.
        names: Of all classes.
        counts: How often each label occurs.
        looked: What was looked at, if not all.
        do: What to do about it.
    """
    absent = [name for k, name in enumerate(names) if not counts.get(k)]
    if not absent or not counts:
        return
    told = ', '.join(absent) if len(absent) <= _FEW else some_of(absent)
    never = f'never occur{"s" if len(absent) == 1 else ""}'
    where_from = f' in {looked}' if looked else ''
    report.warn(
        where,
        f'{len(absent):,} of {len(names):,} classes {never}{where_from}: '
        f'{told}',
        do or 'nothing can be learnt or judged of them',
    )
