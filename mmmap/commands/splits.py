"""Which images are kept for validation.

Frames of one video, or shots of one place, are nearly the same picture: on
both sides of a split they make any model look good. Images of one group stay
on one side.
"""

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

# What numbers the images of one series, as in 0016E5_07959 or frame-12.
_NUMBER = re.compile(r'[\W_]*\d+$')
SHARE = 0.15  # of the images
_TRAIN, _VAL = ('train', 'training'), ('val', 'valid', 'validation', 'test')


def groups_of(names: Sequence[str]) -> dict[str, list[str]]:
    """Images by what they have in common.

    Those of one folder, where there are several; otherwise those whose names
    differ by the number at their end.

    Args:
        names: Paths below the images' folder, with ``/``.
    """
    by_folder = defaultdict(list)
    for name in names:
        by_folder[str(PurePosixPath(name).parent)].append(name)
    if len(by_folder) > 1:
        return dict(by_folder)
    by_stem = defaultdict(list)
    for name in names:
        stem = PurePosixPath(name).stem
        by_stem[_NUMBER.sub('', stem) or stem].append(name)
    # A single series, as IMG_0001 ..., may be anything: unrelated shots too.
    return dict(by_stem)


def split(
    names: Sequence[str], share: float = SHARE, seed: int = 0
) -> tuple[list[str], list[str], str]:
    """Split images into those to learn from and those to measure with.

    Args:
        names: Paths below the images' folder, with ``/``; at least two.
        share: Of the images that should be kept for validation.
        seed: Of the choice.

    Returns:
        Both lists, sorted, and how they were chosen.
    """
    ready = _of_folders(names)
    if ready:
        return ready
    wanted = max(1, round(share * len(names)))
    groups = groups_of(names)
    rng = random.Random(seed)
    series = [g for g in groups.values() if len(g) > 1]
    if not series or len(groups) < 2:
        ordered = sorted(names)
        numbered = _NUMBER.search(PurePosixPath(ordered[0]).stem)
        if len(groups) == 1 and numbered:
            # Cut once, neighbours meet at one place only.
            cut = len(names) - wanted
            return ordered[:cut], ordered[cut:], 'the end of the series'
        kept = set(rng.sample(sorted(names), wanted))
        how = 'drawn at random'
    else:
        kept = _whole_groups(groups, wanted, rng)
        how = 'whole folders or series of names'
    training = sorted(set(names) - kept)
    return training, sorted(kept), how


def _of_folders(
    names: Sequence[str],
) -> tuple[list[str], list[str], str] | None:
    """The parts of folders that are named as such; None of other folders."""
    by_folder = defaultdict(list)
    for name in names:
        by_folder[name.partition('/')[0] if '/' in name else ''].append(name)
    train = [f for f in by_folder if f.lower() in _TRAIN]
    val = [f for f in by_folder if f.lower() in _VAL]
    if len(by_folder) != 2 or not (train and val):
        return None
    how = f'the folders {train[0]} and {val[0]}'
    return sorted(by_folder[train[0]]), sorted(by_folder[val[0]]), how


def _whole_groups(groups: dict, wanted: int, rng: random.Random) -> set[str]:
    """Groups that hold about so many images, and not all of them."""
    order = sorted(groups)
    rng.shuffle(order)
    # Of groups that are too large, the smallest.
    sizes = {key: len(groups[key]) for key in order}
    order.sort(key=lambda key: sizes[key] if sizes[key] > wanted else 0)
    kept: set[str] = set()
    for key in order[:-1]:
        added = len(kept) + len(groups[key])
        if kept and added > 1.5 * wanted:
            continue
        kept |= set(groups[key])
        if len(kept) >= wanted:
            break
    return kept
