"""Convert masks of values or colours to class maps.

A class map has one channel; its pixels hold the number of a class, from 0,
or 255 for pixels without a class.
"""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from ..datasets.image_files import count_values, read_pixels
from ..datasets.image_folders import list_images
from ..errors import FileError, InputError
from ..visualization.palettes import complete_palette
from ..wording import counted, some_of

VOID = 255
MOST = 255  # classes
_LINE = re.compile(r'^(?:#?(\d+)(?:[\s,]+(\d+)[\s,]+(\d+))?[\s,:]+)?(.+)$')


@dataclass(frozen=True)
class Classes:
    """What the values of masks mean.

    Attributes:
        names: In the order of their numbers.
        palette: A colour for each, RGB.
        numbers: The class of each value of the masks; a value is a number,
            or a colour as red + 256 green + 65536 blue.
        source: How they were found.
    """

    names: list[str]
    palette: list[tuple[int, int, int]]
    numbers: Mapping[int, int]
    source: str


def pair(names: Sequence[str], folder: str | Path) -> dict[str, str]:
    """The mask of each image, by the name of the image.

    A mask is named as its image; or all masks have one ending more, as
    ``street_mask.png`` for ``street.jpg``.

    Args:
        names: Of images, below their folder.
        folder: Of masks.

    Raises:
        FileError: There is no such folder.
        InputError: No mask belongs to an image.
    """
    folder = Path(folder).expanduser().absolute()
    if not folder.is_dir():
        raise FileError(
            f'{folder} is not a folder; pass the folder of the masks'
        )
    masks = {
        PurePosixPath(Path(file).relative_to(folder).as_posix())
        .with_suffix('')
        .as_posix(): file
        for file in list_images(folder)
    }
    stems = {name: str(PurePosixPath(name).with_suffix('')) for name in names}
    found = {n: masks[s] for n, s in stems.items() if s in masks}
    found = found or _by_ending(stems, masks)
    if not found:
        shown = [*masks][:2] or ['no image files']
        raise InputError(
            f'no mask in {folder} has the name of an image: images are '
            f'{some_of(list(names)[:2])}, masks are {some_of(shown)}; give '
            'each mask the name of its image, with any image suffix'
        )
    return found


def without_image(pairs: Mapping[str, str], folder: str | Path) -> list[str]:
    """A line on the masks of a folder that belong to no image, if any."""
    folder = Path(folder).expanduser().absolute()
    used = set(pairs.values())
    loose = [str(f) for f in list_images(folder) if str(f) not in used]
    if not loose:
        return []
    shown = some_of([Path(f).relative_to(folder).as_posix() for f in loose])
    number = counted(len(loose), 'mask')
    return [f'not used: {number} without an image: {shown}']


def _by_ending(stems: Mapping[str, str], masks: Mapping) -> dict[str, str]:
    """Pairs where one ending is added to the names of all masks."""
    first = min(stems.values())
    endings = [m[len(first) :] for m in masks if m.startswith(first)]
    for ending in sorted(endings, key=len):
        found = {
            name: masks[stem + ending]
            for name, stem in stems.items()
            if stem + ending in masks
        }
        if len(found) * 2 > len(stems):
            return found
    return {}


def read_values(path: str) -> np.ndarray:
    """The values of a mask (H, W); colours become one number.

    Raises:
        InputError: It cannot be read, or is of an unknown form.
    """
    pixels = read_pixels(path)
    if isinstance(pixels, str):
        raise InputError(f'the mask {pixels} cannot be read; replace it')
    if pixels.ndim == 2:
        if pixels.dtype.kind == 'f':
            raise InputError(f'{path} holds fractions, expected whole numbers')
        return pixels.astype(np.uint8) if pixels.dtype == bool else pixels
    if pixels.shape[2] == 2:  # grey with alpha
        return pixels[..., 0]
    red, green, blue = np.moveaxis(pixels[..., :3], -1, 0)
    if (red == green).all() and (red == blue).all():
        return red
    return red + 256 * green.astype(np.int32) + 65536 * blue.astype(np.int32)


def values_of(files: Sequence[str]) -> list[int]:
    """All values that occur in masks, sorted.

    Raises:
        InputError: There are too many for classes.
    """

    def of_one(file: str) -> np.ndarray:
        values = read_values(file)
        if values.min() >= 0 and values.max() < 65536:
            return np.flatnonzero(count_values(values))
        return np.unique(values)

    found: set[int] = set()
    with ThreadPoolExecutor() as pool:
        for file, values in zip(files, pool.map(of_one, files)):
            found |= set(values.tolist())
            if len(found) > MOST + 1:
                raise InputError(
                    f'the masks have more than {MOST} different values or '
                    f'colours (counted up to {file}), so they are not '
                    'classes: perhaps photographs, instance numbers, or edges '
                    'smoothed by JPEG or by resizing. Save masks as PNG '
                    'without smoothing, or list the colours of the classes '
                    'with --classes'
                )
    return sorted(found)


def find_classes(
    files: Sequence[str],
    listed: str | Path | None = None,
    ignore: Sequence[int] = (),
) -> Classes:
    """Find the classes of masks.

    Args:
        files: All masks.
        listed: ``classes.txt``: a line a class, its name alone, or its value
            or its colour (``R G B``) before it.
        ignore: Values that are not classes.

    Raises:
        InputError: The list does not fit the masks.
    """
    if listed:
        named = read_list(listed)
        if all(value is not None for value, _ in named):
            return _of_values([v for v, _ in named], [n for _, n in named])
    values = [v for v in values_of(files) if v not in ignore]
    if listed:
        return _in_order([name for _, name in named], values, listed)
    if values == [0, VOID]:
        source = 'the two values of the masks, 0 and 255'
        numbers = {0: 0, VOID: 1}
        return Classes(
            ['background', 'foreground'], complete_palette([(0, 0, 0)], 2),
            numbers, source,
        )  # fmt: skip
    if max(values, default=0) > VOID:
        values = sorted(values)
        return _of_values(values, [_colour_name(v) for v in values])
    values = [v for v in values if v != VOID]
    if not values:
        raise InputError('the masks have no class: all pixels are ignored')
    names = [f'class {value}' for value in values]
    return _of_values(values, names, colours=False)


def _of_values(
    values: Sequence[int], names: Sequence[str], colours: bool = True
) -> Classes:
    if len(values) > MOST:
        raise InputError(f'{len(values)} classes, expected at most {MOST}')
    numbers = {value: k for k, value in enumerate(values)}
    wide = colours and max(values) > VOID
    palette = [_rgb(v) for v in values] if wide else []
    source = 'the colours of the masks' if wide else 'the values of the masks'
    return Classes(
        list(names), complete_palette(palette, len(values)), numbers, source
    )


def _in_order(names: list[str], values: list[int], listed) -> Classes:
    """Names without values: the first is 0; or 1, if 0 is not a class."""
    values = [v for v in values if v != VOID or len(names) > VOID]
    highest = max(values, default=0)
    first = 1 if highest == len(names) and 0 in values else 0
    if highest > VOID and len(values) == len(names):
        raise InputError(
            f'{listed} has only names, but the masks have colours; write each '
            f'line as R G B NAME. The colours are '
            f'{some_of(_colour_name(v) for v in values)}'
        )
    if highest >= len(names) + first:
        raise InputError(
            f'{listed} has {len(names)} names, but the masks have the values '
            f'{some_of(values)} up to {highest}; write one line per value, '
            'as VALUE NAME'
        )
    numbers = {k + first: k for k in range(len(names))}
    palette = complete_palette([], len(names))
    return Classes(names, palette, numbers, f'{listed}, from {first}')


def read_list(path: str | Path) -> list[tuple[int | None, str]]:
    """Values (or None) and names of a ``classes.txt``.

    Raises:
        FileError: It cannot be read.
        InputError: It is empty, or some lines have values and others not.
    """
    try:
        text = Path(path).expanduser().read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f'{path} cannot be read: {error}') from error
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        red, green, blue, name = _LINE.match(line).groups()
        value = None if red is None else int(red)
        if green is not None:
            value += 256 * int(green) + 65536 * int(blue)
        found.append((value, name.strip()))
    kinds = {value is None for value, _ in found}
    if len(kinds) != 1:
        raise InputError(
            f'{path} has a value or colour before some names only; write it '
            'before all names, or before none'
            if found
            else f'{path} is empty; write one class per line'
        )
    return found


def convert(
    masks: Mapping[str, str], classes: Classes, out: Path
) -> dict[str, np.ndarray]:
    """Write class maps as ``NAME.png``, NAME with the image's suffix.

    Args:
        masks: File of the mask of each image.
        classes: What its values mean; all others become 255.
        out: Folder to write into.

    Returns:
        For each image, how many pixels each class has.
    """
    table = np.full(65536, VOID, np.uint8)
    for value, number in classes.numbers.items():
        if value < 65536:
            table[value] = number

    def one(item: tuple[str, str]) -> tuple[str, np.ndarray]:
        name, file = item
        values = read_values(file)
        if values.max() < 65536:
            labels = table[values]
        else:
            labels = np.full(values.shape, VOID, np.uint8)
            for value, number in classes.numbers.items():
                labels[values == value] = number
        target = out / f'{name}.png'
        target.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(target), labels):
            raise FileError(f'cannot write {target}; is the disk full?')
        return name, count_values(labels, 256)

    with ThreadPoolExecutor() as pool:
        return dict(pool.map(one, masks.items()))


def _rgb(value: int) -> tuple[int, int, int]:
    return value % 256, value // 256 % 256, value // 65536


def _colour_name(value: int) -> str:
    return '#{:02x}{:02x}{:02x}'.format(*_rgb(value))
