"""Labels of whole samples, as classifiers learn them, and which occur."""

from collections import Counter
from collections.abc import Mapping, Sequence

from .heads import counts_of
from .parts import Part
from .report import Report, some_of

_FEW = 20  # classes that are named if they never occur


def check_labels(part: Part, config: Mapping) -> None:
    """Check that labels are of the head's classes; count them."""
    if part.dataset is None or part.relabelled:
        return
    labels = [_labels_of(item) for item in part.items]
    if not any(labels):
        return
    if part.names:
        part.report.counts['classes'] = len(part.names)
    number = number_of_classes(part, config)
    # Labels by folders are right; whether heads have as many is asked there.
    if number is not None and not part.folders:
        _check_range(part, labels, number)
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
