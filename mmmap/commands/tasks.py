"""Prepare the folders of each task: lists, class maps, JSONs, classes."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..datasets.image_files import Header, read_header
from ..errors import FileError, InputError
from ..wording import counted, some_of
from . import coco_files, masks
from .images import Images, at_least_two, look
from .splits import SHARE, split


@dataclass
class Data:
    """The data of a run.

    Attributes:
        images: Of the folder.
        count: Images that are trained on.
        settings: What :func:`config_text` asks for.
        lines: What was found, to be printed.
        write: Writes lists and class maps into the folder of a run.
        sources: The user's files, by the files that ``write`` makes from them.
    """

    images: Images
    count: int
    settings: dict[str, Any]
    lines: list[str]
    write: Callable[[Path], None]
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Parts:
    """Names of images of both parts, and where those of validation are."""

    train: list[str]
    val: list[str]
    how: str
    val_images: Path | None = None
    labels: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f'{counted(len(self.train), "training image")}, '
            f'{counted(len(self.val), "validation image")} ({self.how})'
        )


def look_at_data(task: str, options: Mapping[str, Any]) -> Data:
    """Look at the folders of a task.

    Args:
        task: For example ``'segment'``.
        options: Of the command line.

    Raises:
        UserError: They cannot be used.
    """
    return _TASKS[task](options)


def _pretrain(options: Mapping) -> Data:
    images = look(options['images'])
    names = images.names

    def write(folder: Path) -> None:
        _write_list(folder / 'train.txt', names)

    return Data(images, len(names), {}, _found(images), write)


def _segment(options: Mapping) -> Data:
    images = look(options['images'])
    pairs = masks.pair(images.names, options['masks'])
    _refuse_sizes(pairs, images)
    lines = _found(images)
    without = [name for name in images.names if name not in pairs]
    if without:
        lines.append(
            f'not used: {counted(len(without), "image")} without a mask: '
            f'{some_of(without)}'
        )
    lines += masks.without_image(pairs, options['masks'])
    parts = _parts(options, sorted(pairs), 'image with a mask')
    files = dict(pairs)
    if parts.val_images:
        given = options.get('val_masks')
        if not given:
            raise InputError('--val-images needs --val-masks too')
        of_val = masks.pair(look(parts.val_images).names, given)
        parts.val, files = sorted(of_val), {**files, **of_val}
        _refuse_common(pairs, of_val)
    classes = masks.find_classes(
        list(files.values()), options.get('classes'), _ignored(options)
    )
    if len(classes.names) < 2:
        raise InputError(
            f'the masks have only one class ({classes.names[0]}), expected at '
            'least two, such as background and foreground'
        )
    lines += [str(parts), _describe_classes(classes.names, classes.source)]
    settings = dict(
        classes=classes.names,
        palette=classes.palette,
        tile=images.short_edge,
        val_images=parts.val_images,
    )

    def write(folder: Path) -> None:
        pixels = masks.convert(files, classes, folder / 'class_maps')
        _refuse_empty(pixels, options)
        _write_lists(folder, parts)

    sources = {f'class_maps/{n}.png': mask for n, mask in files.items()}
    count = len(parts.train)
    return Data(images, count, settings, lines, write, sources)


def _detect(options: Mapping) -> Data:
    images = look(options['images'])
    found = coco_files.read(options['coco'], images)
    names = sorted({i['file_name'] for i in found.content['images']})
    parts = _parts(options, names, 'annotated image')
    val = found
    if parts.val_images:
        given = options.get('val_coco')
        if not given:
            raise InputError('--val-images needs --val-coco too')
        val = coco_files.read(given, look(parts.val_images))
        parts.val = [i['file_name'] for i in val.content['images']]
    objects = found.objects
    listed = ', '.join(
        f'{name} {objects[name]:,}' for name in found.names[:12]
    )
    more = len(found.names) - 12
    lines = [
        *_found(images),
        str(parts),
        f'{len(found.names)} classes, {sum(objects.values()):,} objects: '
        f'{listed}' + (f' and {more} more' if more > 0 else ''),
        'objects have outlines: Mask R-CNN'
        if found.with_masks
        else 'objects have only boxes: Faster R-CNN',
    ]
    if found.lost:
        lines.append(
            f'not used: {counted(found.lost, "annotation")} of images that '
            f'{options["coco"]} does not list'
        )
    count = found.learnt_from(set(parts.train))
    if not count:
        raise InputError(
            f'none of the {len(parts.train):,} training images has an object '
            f'in {options["coco"]}; choose other validation images with '
            '--val-list'
        )
    settings = dict(
        classes=found.names,
        tile=images.short_edge,
        val_images=parts.val_images,
        with_masks=found.with_masks and val.with_masks,
    )

    def write(folder: Path) -> None:
        (folder / 'annotations').mkdir()
        of_parts = dict(
            train=found.part(set(parts.train)), val=val.part(set(parts.val))
        )
        for name, content in of_parts.items():
            file = folder / f'annotations/{name}.json'
            file.write_text(json.dumps(content), encoding='utf-8')
        _write_list(folder / 'train.txt', parts.train)
        _write_list(folder / 'val.txt', parts.val)

    sources = {
        'annotations/train.json': str(options['coco']),
        'annotations/val.json': str(
            options['val_coco'] if parts.val_images else options['coco']
        ),
    }
    return Data(images, count, settings, lines, write, sources)


def _classify(options: Mapping) -> Data:
    root = Path(options['images']).expanduser().absolute()
    given = options.get('val_images')
    if not given and (root / 'train').is_dir() and (root / 'val').is_dir():
        root, given = root / 'train', root / 'val'
    images = look(root)
    labels = _labels(images)
    classes = sorted(set(labels.values()))
    if len(classes) < 2:
        raise InputError(
            f'{root} has {len(classes)} class folder '
            f'({some_of(classes)}), expected at least 2: one folder of images '
            'per class'
        )
    options = {**options, 'val_images': given}
    parts = _parts_of_classes(options, labels)
    if parts.val_images:
        of_val = _labels(look(parts.val_images))
        unknown = sorted(set(of_val.values()) - set(classes))
        if unknown:
            raise InputError(
                f'{parts.val_images} has class folders that the training '
                f'images lack: {some_of(unknown)}'
            )
        parts.val, parts.labels = sorted(of_val), {**labels, **of_val}
    counts = Counter(labels.values())
    listed = ', '.join(f'{name} {counts[name]:,}' for name in classes[:12])
    more = len(classes) - 12
    lines = [
        *_found(images),
        str(parts),
        f'{len(classes)} classes: {listed}'
        + (f' and {more} more' if more > 0 else ''),
    ]
    settings = dict(classes=classes, val_images=parts.val_images)
    numbers = {name: k for k, name in enumerate(classes)}

    def write(folder: Path) -> None:
        for name, part in dict(train=parts.train, val=parts.val).items():
            rows = [f'{file} {numbers[parts.labels[file]]}' for file in part]
            _write_list(folder / f'{name}.txt', rows)

    return Data(images, len(parts.train), settings, lines, write)


_TASKS = dict(
    pretrain=_pretrain, segment=_segment, detect=_detect, classify=_classify
)


def _labels(images: Images) -> dict[str, str]:
    """The class of each image: the first folder it is in.

    Raises:
        InputError: Some are in none.
    """
    loose = [name for name in images.names if '/' not in name]
    if loose:
        raise InputError(
            f'{len(loose)} images in {images.folder} are not in a class '
            f'folder: {some_of(loose)}; expected CLASS/IMAGE'
        )
    return {name: name.split('/')[0] for name in images.names}


def _parts(options: Mapping, names: list[str], what: str) -> Parts:
    """Both parts: the given validation, or one that is split off."""
    if options.get('val_images'):
        folder = Path(options['val_images']).expanduser().absolute()
        return Parts(names, [], f'given: {folder}', folder)
    if options.get('val_list'):
        return _listed(Path(options['val_list']).expanduser(), names)
    at_least_two(names, f'{what}s' if len(names) != 1 else what)
    return Parts(*split(names, options.get('val_share') or SHARE))


def _listed(file: Path, names: list[str]) -> Parts:
    try:
        lines = file.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f'{file} cannot be read: {error}') from error
    wanted = [line.strip() for line in lines if line.strip()]
    absent = sorted(set(wanted) - set(names))
    train = sorted(set(names) - set(wanted))
    if absent or not wanted or not train:
        what = 'all images' if wanted else 'no image'
        if absent:
            what = f'unknown images: {some_of(absent)}'
        raise InputError(
            f'{file} lists {what}; write some of the images, one per line, '
            'as paths relative to their folder'
        )
    return Parts(train, sorted(wanted), f'listed in {file}')


def _parts_of_classes(options: Mapping, labels: Mapping[str, str]) -> Parts:
    """As :func:`_parts`, from each class alike."""
    if options.get('val_images') or options.get('val_list'):
        parts = _parts(options, sorted(labels), 'image')
        parts.labels = dict(labels)
        return parts
    share = options.get('val_share') or SHARE
    train, val, ways = [], [], set()
    for label in sorted(set(labels.values())):
        names = [n for n, of in labels.items() if of == label]
        if len(names) < 2:
            train += names
            continue
        kept, other, how = split(names, share)
        train, val = [*train, *kept], [*val, *other]
        ways.add(how)
    if not val:
        raise InputError(
            'each class has only one image; at least one class needs 2 or '
            'more, so that some are left for validation'
        )
    how = f'of each class {" or ".join(sorted(ways))}'
    return Parts(train, val, how, labels=dict(labels))


def _ignored(options: Mapping) -> tuple[int, ...]:
    return tuple(int(value) for value in options.get('ignore') or ())


def _refuse_sizes(pairs: Mapping[str, str], images: Images) -> None:
    """Masks have the size of their images, turned upright by EXIF.

    Raises:
        InputError: Some do not.
    """
    sizes = {n: h.upright for n, h in zip(images.names, images.headers)}
    turned = {
        n for n, h in zip(images.names, images.headers) if h.orientation > 1
    }
    with ThreadPoolExecutor() as pool:
        headers = list(pool.map(read_header, pairs.values()))
    wrong = [
        f'{mask} is {header.width}x{header.height}, its image '
        f'{sizes[name][0]}x{sizes[name][1]}'
        + (' as EXIF turns it' if name in turned else '')
        for (name, mask), header in zip(pairs.items(), headers)
        if isinstance(header, Header) and header.upright != sizes[name]
    ]
    if wrong:
        raise InputError(
            f'{len(wrong):,} of {len(pairs):,} masks have another size than '
            f'their image: {some_of(wrong)}; draw them on the upright image, '
            'or resize them without smoothing'
        )


def _refuse_common(train: Mapping, val: Mapping) -> None:
    """Class maps are named as images: both parts would share some.

    Raises:
        InputError: They have names in common.
    """
    common = sorted(set(train) & set(val))
    if common:
        raise InputError(
            f'{len(common)} training and validation images have the same '
            f'name: {some_of(common)}; rename them, or put all images into '
            'one folder and list those for validation with --val-list'
        )


def _refuse_empty(pixels: Mapping, options: Mapping) -> None:
    if not sum(counts[:255].sum() for counts in pixels.values()):
        raise InputError(
            f'no pixel of the masks has a value of {options.get("classes")}; '
            'correct its values'
        )


def _found(images: Images) -> list[str]:
    lines = [f'{images.folder}: {images}']
    if images.unreadable:
        lines.append(
            f'not used: {counted(len(images.unreadable), "file")} that cannot '
            f'be opened: {some_of(images.unreadable)}'
        )
    return lines


def _describe_classes(names: list[str], how: str) -> str:
    return f'{len(names)} classes, by {how}: {", ".join(names[:12])}' + (
        f' and {len(names) - 12} more' if len(names) > 12 else ''
    )


def _write_lists(folder: Path, parts: Parts) -> None:
    _write_list(folder / 'train.txt', parts.train)
    _write_list(folder / 'val.txt', parts.val)


def _write_list(file: Path, lines: list[str]) -> None:
    file.write_text(''.join(f'{line}\n' for line in lines), encoding='utf-8')
