"""Looks at the samples themselves, as the config's own steps load them."""

import hashlib
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from mmengine.registry import TRANSFORMS

from ..image_files import read_header
from .class_maps import class_map_problem, wide_map_problem
from .objects import spread
from .parts import Part, is_local
from .report import some_of

_SAMPLED = 50  # samples of a look that has to be quick
_AT_LEAST = 4
_SECONDS = 0.6  # for the quick look at a part
_LARGE = 40_000_000  # pixels; a quick look does not decode more
_NOT_NEW = 'a score on them is no score on new images; remove them'
_TOLD = 5  # files with findings of their own


class Looked(NamedTuple):
    """What was seen of a sample.

    Attributes:
        path: The image.
        size: Width and height as loaded; None if it was not.
        stored: Channels and bits of the file; None where Pillow cannot say.
        digest: Of the pixels.
        values: How often each value 0..255 occurs in its class map, or None.
        problem: Why it cannot be used, or None.
        where: The file that the problem is of.
        channels: As loaded; 0 if it was not.
    """

    path: str
    size: tuple[int, int] | None = None
    stored: tuple[int, int] | None = None
    digest: bytes = b''
    values: np.ndarray | None = None
    problem: str | None = None
    where: str = ''
    channels: int = 0


class Looker:
    """Loads samples by the steps of a config that load.

    Args:
        part: The data set.
        number: Of classes of class maps.
        ignored: Values of class maps that are no class.
    """

    def __init__(
        self, part: Part, number: int | None, ignored: Collection[int]
    ) -> None:
        self.maps = part.is_segmentation and part.loads_annotations
        self.number, self.ignored = number, ignored
        self.local = is_local(part.dataset)
        self.steps = [
            TRANSFORMS.build(step) for step in part.steps if self._loads(step)
        ]

    def _loads(self, step: Mapping) -> bool:
        kind = str(step.get('type')).split('.')[-1]
        image = kind.startswith('Load') and 'Image' in kind
        return image or (self.maps and kind.startswith('LoadAnnot'))

    def load(self, item: Mapping) -> dict:
        """The sample with what the steps load, as ``img``."""
        data = _own(item)
        for step in self.steps:
            data = step(data)
        return data

    def __call__(self, item: Mapping) -> Looked:
        """Look at a sample as its data set lists it."""
        path = str(item.get('img_path'))
        header = read_header(path) if self.local else ''
        stored = None if isinstance(header, str) else header[2:4]
        data = _own(item)
        try:
            for step in self.steps:
                data = step(data)
        # A decoder raises whatever the bytes lead to.
        except Exception as error:
            where = str(item.get('seg_map_path')) if 'img' in data else path
            told = ' '.join(str(error).split()) or type(error).__name__
            if os.path.isfile(where) and not os.path.getsize(where):
                told = 'it is empty'
            return Looked(
                path,
                stored=stored,
                problem=f'cannot be read: {told}',
                where=where,
            )
        if not isinstance(data.get('img'), np.ndarray):
            return Looked(path, stored=stored)
        return self._judged(path, stored, item, data)

    def _judged(self, path, stored, item: Mapping, data: Mapping) -> Looked:
        image = np.ascontiguousarray(data['img'])
        size = image.shape[1], image.shape[0]
        problem, where, values = size_problem(item, size), path, None
        labels = data.get('gt_seg_map')
        if problem is None and labels is not None:
            where = str(item.get('seg_map_path'))
            problem = class_map_problem(
                labels, image.shape, self.number, self.ignored
            ) or self._lost_bits(where)
            if labels.ndim == 2:
                flat = labels.astype(np.uint8, copy=False).ravel()
                values = np.bincount(flat, minlength=256)
        digest = hashlib.blake2b(image, digest_size=16).digest()
        channels = image.shape[2] if image.ndim == 3 else 1
        return Looked(
            path, size, stored, digest, values, problem, where, channels
        )

    def _lost_bits(self, path: str) -> str | None:
        header = read_header(path) if self.local else ''
        if isinstance(header, str):
            return None
        return wide_map_problem(path, header.bits)


def _own(item: Mapping) -> dict:
    """A sample that steps may change; mmseg's append to its list."""
    lists = {k: list(v) for k, v in item.items() if k == 'seg_fields'}
    return {**item, **lists}


def size_problem(item: Mapping, size: Sequence[int]) -> str | None:
    """Whether an image is of another size than its annotations are for."""
    listed = item.get('width'), item.get('height')
    if None in listed or tuple(size) == listed:
        return None
    return (
        f'it is {size[0]}x{size[1]}, its annotations are for '
        f'{listed[0]}x{listed[1]}'
    )


def look(
    part: Part,
    number: int | None,
    ignored: Collection[int],
    full: bool,
    tell: Callable[[str], None] | None = None,
) -> list[Looked]:
    """Look at all samples of a part, or at a few, spread evenly.

    Args:
        part: The data set; its items have ``img_path``.
        number: Of classes of class maps.
        ignored: Values of class maps that are no class.
        full: All of them, in parallel.
        tell: Is given a line on the progress now and then.
    """
    looker = Looker(part, number, ignored)
    items = [item for item in part.items if item.get('img_path')]
    if not looker.steps or not items:
        return []
    found = _all(looker, items, tell) if full else _some(looker, items)
    return list(found)


def _some(looker: Looker, items: list) -> Iterator[Looked]:
    places = np.linspace(0, len(items) - 1, min(_SAMPLED, len(items)))
    begin = time.perf_counter()
    for k, place in enumerate(places.astype(int)):
        if k >= _AT_LEAST and time.perf_counter() - begin > _SECONDS:
            return
        item = items[place]
        header = read_header(item['img_path']) if looker.local else ''
        large = not isinstance(header, str) and (
            header.width * header.height > _LARGE
        )
        if large:
            size = header[:2]
            problem = size_problem(item, size)
            path = str(item['img_path'])
            yield Looked(path, size, header[2:4], problem=problem, where=path)
        else:
            yield looker(item)


# Set in each worker, so that items alone travel.
_LOOKER: Looker | None = None


def _begin(looker: Looker) -> None:
    global _LOOKER
    _LOOKER = looker
    cv2.setNumThreads(0)


def _one(item: Mapping) -> Looked:
    return _LOOKER(item)


def _all(looker: Looker, items: list, tell) -> Iterator[Looked]:
    workers = min(os.cpu_count() or 1, 1 + len(items) // 64)
    if workers == 1:
        yield from map(looker, items)
        return
    context = multiprocessing.get_context('fork')
    told = time.perf_counter()
    bare = (_bare(item) for item in items)
    with context.Pool(workers, _begin, (looker,)) as pool:
        for k, looked in enumerate(pool.imap(_one, bare, chunksize=32), 1):
            if tell and time.perf_counter() - told > 2:
                told = time.perf_counter()
                tell(f'looked at {k:,} of {len(items):,} samples')
            yield looked


def _bare(item: Mapping) -> dict:
    """An item without its instances, which nothing here reads."""
    return {k: v for k, v in item.items() if k != 'instances'}


def tell_of_looks(part: Part, looks: Sequence[Looked]) -> None:
    """Note what was seen: problems, sizes, channels and bits."""
    report = part.report
    wrong = [x for x in looks if x.problem]
    report.counts['opened'] = len(looks) - len(wrong)
    for one in wrong[:_TOLD]:
        do = _cure(one.problem, part)
        report.error(one.where, one.problem, do, skippable=True)
    if len(wrong) > _TOLD:
        more = some_of(x.where for x in wrong[_TOLD:])
        what = f'{len(wrong) - _TOLD:,} more cannot be used: {more}'
        report.error(part.place, what, skippable=True)
    sizes = [x.size for x in looks if x.size]
    if sizes:
        for name, values in zip(
            ('widths', 'heights'), zip(*sizes, strict=True), strict=True
        ):
            report.tables[name] = spread(values)
    stored = Counter(x.stored for x in looks if x.stored)
    if stored:
        report.tables['files'] = {
            f'{c} x {bits} bits': n for (c, bits), n in stored.most_common()
        }


def _cure(problem: str, part: Part) -> str:
    if 'counted from 0' in problem and not part.dataset.reduce_zero_label:
        return (
            'add the class; or, if 0 is void and classes begin with 1, set '
            'reduce_zero_label=True; or, if the value is void, set '
            'ignore_index of all heads and of the metric to it'
        )
    if 'reduce_zero_label' in problem:
        return 'set reduce_zero_label of the data set, and not of the step'
    if 'annotations are for' in problem:
        return 'correct width and height of the image in the annotations'
    if 'cannot be read' in problem:
        return 'copy it again or remove it; --skip-bad passes over it'
    return ''


def check_shared(parts: Sequence[Part]) -> None:
    """Warn of files that training and another split have in common."""
    trained = {
        os.path.abspath(str(item.get('img_path')))
        for part in parts
        if part.split == 'train'
        for item in part.items
    }
    for part in parts:
        if part.split == 'train' or part.folded:
            continue
        paths = [str(i['img_path']) for i in part.items if i.get('img_path')]
        common = [p for p in paths if os.path.abspath(p) in trained]
        if common:
            part.report.warn(
                part.place,
                f'{len(common):,} of {len(paths):,} images are in the '
                f'training data too: {some_of(common)}',
                _NOT_NEW,
            )


def check_copies(looked: Sequence[tuple[Part, list[Looked]]]) -> None:
    """Warn of images that training and another split have in common."""
    trained = {
        one.digest: one.path
        for part, looks in looked
        if part.split == 'train'
        for one in looks
        if one.digest
    }
    for part, looks in looked:
        if part.split == 'train':
            _tell_repeated(part, looks)
            continue
        if part.folded:
            continue
        common = [x for x in looks if x.digest and x.digest in trained]
        if common:
            told = some_of(_copy(x.path, trained[x.digest]) for x in common)
            part.report.warn(
                part.place,
                f'{len(common):,} of {len(looks):,} images are in the '
                f'training data too, pixel by pixel: {told}',
                _NOT_NEW,
            )


def _copy(path: str, of: str) -> str:
    return path if path == of else f'{path} = {of}'


def _tell_repeated(part: Part, looks: list[Looked]) -> None:
    first: dict[bytes, str] = {}
    again = []
    for one in looks:
        if one.digest and first.setdefault(one.digest, one.path) != one.path:
            again.append(_copy(one.path, first[one.digest]))
    if again:
        part.report.warn(
            part.place,
            f'{len(again):,} images are copies of others: {some_of(again)}',
        )
