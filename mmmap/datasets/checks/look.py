"""Opens samples, some or all, and reports what is wrong with them."""

import multiprocessing
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import cv2
import numpy as np

from ...wording import some_of
from .objects import spread
from .orientation import UPRIGHT, is_unclear, warn_of_turned
from .parts import Part
from .samples import Loader, Looked

_SAMPLED = 50  # samples of a quick look
_AT_LEAST = 4
_SECONDS = 0.6  # of a quick look at a part


def look(
    part: Part,
    number: int | None,
    ignored: Collection[int],
    full: bool,
    progress: Callable[[str], None] | None = None,
) -> list[Looked]:
    """Open all samples of a part, or a few at equal distances, and report.

    Args:
        part: The data set; its items have ``img_path``.
        number: Of classes of class maps.
        ignored: Values of class maps that are not classes.
        full: Open all of them, in parallel.
        progress: Called with a line every 2 seconds.
    """
    loader = Loader(part, number, ignored)
    items = [item for item in part.items if item.get('img_path')]
    looks = []
    if loader.steps and items:
        found = _all(loader, items, progress) if full else _some(loader, items)
        looks = list(found)
    _report_problems(part, looks)
    _report_turned(part, looks, loader)
    _report_files(part, looks)
    return looks


def _some(loader: Loader, items: list) -> Iterator[Looked]:
    places = np.linspace(0, len(items) - 1, min(_SAMPLED, len(items)))
    begin = time.perf_counter()
    for k, place in enumerate(places.astype(int)):
        if k >= _AT_LEAST and time.perf_counter() - begin > _SECONDS:
            return
        yield loader.glance(items[place]) or loader(items[place])


# Set in each worker, so that only items are sent to it.
_LOADER: Loader | None = None


def _begin(loader: Loader) -> None:
    global _LOADER
    _LOADER = loader
    cv2.setNumThreads(0)


def _one(item: Mapping) -> Looked:
    return _LOADER(item)


def _all(loader: Loader, items: list, progress) -> Iterator[Looked]:
    workers = min(os.cpu_count() or 1, 1 + len(items) // 64)
    if workers == 1:
        yield from map(loader, items)
        return
    context = multiprocessing.get_context('fork')
    last = time.perf_counter()
    bare = (_bare(item) for item in items)
    with context.Pool(workers, _begin, (loader,)) as pool:
        for k, looked in enumerate(pool.imap(_one, bare, chunksize=32), 1):
            if progress and time.perf_counter() - last > 2:
                last = time.perf_counter()
                progress(f'opened {k:,} of {len(items):,} samples')
            yield looked


def _bare(item: Mapping) -> dict:
    """An item without instances, which workers do not need."""
    return {k: v for k, v in item.items() if k != 'instances'}


def _report_problems(part: Part, looks: Sequence[Looked]) -> None:
    """Report problems of samples, one finding for each kind."""
    kinds: dict[str, list[Looked]] = defaultdict(list)
    for one in looks:
        if one.problem:
            kinds[_kind(one)].append(one)
    part.report.counts['opened'] = len(looks) - sum(map(len, kinds.values()))
    for alike in kinds.values():
        first = alike[0]
        files = tuple(one.where for one in alike)
        what = first.problem
        if len(files) > 1:
            what += f' ({len(files):,} files in all: {some_of(files)})'
        do = _cure(first.problem, part)
        part.report.error(first.where, what, do, skippable=True, files=files)


def _kind(one: Looked) -> str:
    """The kind of a problem: its text without names and numbers."""
    text = one.problem.replace(one.where, '').replace(one.path, '')
    return re.sub(r'\d+', '0', text)


def _cure(problem: str, part: Part) -> str:
    if 'EXIF' in problem:
        return UPRIGHT
    if 'counted from 0' in problem and not part.dataset.reduce_zero_label:
        return (
            'add the class; or, if 0 is void and classes begin with 1, set '
            'reduce_zero_label=True; or, if the value is void, set '
            'ignore_index of all heads and of the metric to it'
        )
    if 'reduce_zero_label' in problem:
        return 'set reduce_zero_label of the data set, not of the step'
    if 'not its colour' in problem:
        return 'write class maps with one channel (modes L and P of Pillow)'
    if 'annotations are for' in problem:
        return 'correct width and height of the image in the annotations'
    if 'cannot be read' in problem:
        return 'copy it again or remove it; --skip-bad skips it in training'
    return ''


def _report_turned(
    part: Part, looks: Sequence[Looked], loader: Loader
) -> None:
    """Warn of turned images whose annotations may not be turned."""
    placed = loader.maps or any(
        'instances' in item or 'segments_info' in item for item in part.items
    )
    by_reader: dict[bool, dict[str, int]] = {}
    for one in looks if placed else ():
        if one.header and not one.problem and is_unclear(one.header):
            upright = loader.turns_upright(one.path)
            turned = by_reader.setdefault(upright, {})
            turned[one.path] = one.header.orientation
    for upright, turned in by_reader.items():
        warn_of_turned(part.report, part.place, turned, upright)


def _report_files(part: Part, looks: Sequence[Looked]) -> None:
    """Count sizes, channels and bits."""
    tables = part.report.tables
    sizes = [x.size for x in looks if x.size]
    if sizes:
        widths, heights = zip(*sizes, strict=True)
        tables.update(widths=spread(widths), heights=spread(heights))
    stored = Counter(x.header[2:4] for x in looks if x.header)
    if stored:
        tables['files'] = {
            f'{c} x {bits} bits': n for (c, bits), n in stored.most_common()
        }
