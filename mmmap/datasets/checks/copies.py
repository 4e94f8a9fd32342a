"""Images that training and another split have in common, and copies."""

import os
from collections.abc import Sequence

from ...wording import counted, some_of
from .parts import Part
from .samples import Looked

_SEEN = 'a score on images seen in training is too high; remove them'


def check_shared(parts: Sequence[Part]) -> None:
    """Report files that training and another split have in common."""
    trained = {
        os.path.abspath(path)
        for part in parts
        if part.split == 'train'
        for path in part.paths
    }
    for part in parts:
        paths = part.paths if part.split != 'train' else []
        common = [p for p in paths if os.path.abspath(p) in trained]
        if not common:
            continue
        what = (
            f'{len(common):,} of {counted(len(paths), "image")} '
            f'{"is" if len(common) == 1 else "are"} in the training data '
            f'too: {some_of(common)}'
        )
        if part.fold and part.fold.get('test_mode'):
            do = 'give both KFoldDataset the same num_splits, fold and seed'
            part.report.error(part.place, what, do)
        else:
            part.report.warn(part.place, what, _SEEN)


def check_copies(looked: Sequence[tuple[Part, list[Looked]]]) -> None:
    """Warn of copies of images, found by their pixels."""
    trained = {
        one.digest: one.path
        for part, looks in looked
        if part.split == 'train'
        for one in looks
        if one.digest
    }
    for part, looks in looked:
        if part.split == 'train':
            _warn_of_repeated(part, looks)
            continue
        copies = [
            _pair(x.path, trained[x.digest])
            for x in looks
            if trained.get(x.digest, x.path) != x.path
        ]
        if copies:
            what = f'{len(copies):,} of {counted(len(looks), "image")}'
            are = 'is a copy' if len(copies) == 1 else 'are copies'
            part.report.warn(
                part.place,
                f'{what} {are} of training images: {some_of(copies)}',
                _SEEN,
            )


def _pair(path: str, other: str) -> str:
    return f'{path} = {other}'


def _warn_of_repeated(part: Part, looks: list[Looked]) -> None:
    first: dict[bytes, str] = {}
    copies = []
    for one in looks:
        if one.digest and first.setdefault(one.digest, one.path) != one.path:
            copies.append(_pair(one.path, first[one.digest]))
    if copies:
        what = counted(
            len(copies), 'image is a copy of another', 'images are copies'
        )
        part.report.warn(part.place, f'{what}: {some_of(copies)}')
