"""``mmmap predict``: write each result as soon as it is ready."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import cli
from ..cli import time_left
from ..datasets.image_files import ReadingError
from ..datasets.image_folders import images_in, named_files
from ..errors import FileError, InputError
from ..inference.label_files import INSTALL, can_place, has_place
from ..inference.outputs import FolderWriter
from ..inference.tiled_predictor import TiledPredictor
from ..wording import counted
from .opened import model_file, open_predictor
from .records import check_same, read_record
from .summaries import LINES, lines_of, summarise, yolo_lines

_RECORD = 'predict.json'
_AT_ONCE, _PIXELS = 16, 1 << 20  # images and pixels that are predicted at once


def run_predict(args: argparse.Namespace) -> None:
    """Predict on images and write the results into a folder.

    Images that are in the folder already are left as they are.

    Raises:
        UserError: The run, the images or the folder cannot be used; at the
            end, if some images could not.
    """
    model = model_file(args.run, args.checkpoint)
    files = find_images(args.images)
    out = Path(args.out).expanduser().absolute()
    done = _begin(out, _record(args, model), files)
    predictor = open_predictor(
        args.run,
        model,
        device=args.device,
        min_score=args.min_score,
        tile=args.tile,
        overlap=args.overlap,
    )
    todo = {n: file for n, file in files.items() if n not in done}
    if done:
        print(f'{len(done):,} images are done already')
    with cli.during(lambda: cli.Activity('predicting', True)):
        bad = _predict_all(predictor, todo, out, not args.no_pictures)
        root = Path(args.images).expanduser()
        folder = root if root.is_dir() else root.parent
        places = {n: f.relative_to(folder) for n, f in files.items()}
        number = summarise(out, places, predictor.classes)
    if not number and predictor.task == 'detect':
        print(
            f'no object has a score above {args.min_score:g}; set a lower '
            '--min-score, with another --out'
        )
    _note_place(predictor, files)
    written = sorted(p.name for p in out.iterdir() if p.name != _RECORD)
    print(f'{out}: {", ".join(written)}')
    if bad:
        raise InputError(
            f'{len(bad):,} of {len(files):,} images cannot be used: '
            f'{"; ".join(list(bad.values())[:3])}. '
            + ('The others are done. ' if len(bad) < len(files) else '')
            + 'Replace these and run the same command again'
        )


def predict(
    run: str | Path,
    images: str | Path | np.ndarray | Sequence,
    *,
    checkpoint: str | Path | None = None,
    **options: Any,
) -> Iterator[dict[str, Any]]:
    """As :func:`mmmap.predict`."""
    predictor = open_predictor(run, model_file(run, checkpoint), **options)
    for name, image in _each(images):
        result = predictor.predict(predictor.read(image))
        del result['picture']
        yield dict(image=name, **result)


def find_images(path: str | Path) -> dict[str, Path]:
    """Files of images by the names of their results.

    Raises:
        InputError: There are none.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return named_files(images_in(path), path)
    if not path.is_file():
        raise InputError(f'{path} does not exist; correct the path')
    return named_files([path], path.parent)


def _note_place(predictor, files: Mapping[str, Path]) -> None:
    """Say so where class maps lose where they are on the earth."""
    if predictor.task != 'segment' or can_place():
        return
    placed = sum(map(has_place, files.values()))
    if placed:
        print(
            f'note: the class maps of {counted(placed, "GeoTIFF")} are PNGs, '
            f'without the georeference. To keep it: {INSTALL}'
        )


def _predict_all(
    predictor: TiledPredictor, files: Mapping[str, Path], out: Path, draw: bool
) -> dict[str, str]:
    """Predict and write one image after another; return what is unusable."""
    writer, bad, begin, done = FolderWriter(out), {}, time.monotonic(), 0
    for group in _groups(predictor, files):
        read = [(n, data) for n, data in group if isinstance(data, dict)]
        bad |= {n: data for n, data in group if isinstance(data, str)}
        # One unusable image does not affect the others.
        try:
            known = predictor.wholes([data for _, data in read])
        except ReadingError:
            known = [None] * len(read)
        for (name, data), result in zip(read, known):
            try:
                _predict_one(predictor, writer, name, data, result, draw)
            except ReadingError as error:
                bad[name] = str(error)
        done += len(group)
        _show_progress(done, len(files), begin)
    return bad


def _groups(
    predictor: TiledPredictor, files: Mapping[str, Path]
) -> Iterator[list[tuple[str, dict | str]]]:
    """Some small images, or a large one; or why one cannot be read."""
    group: list[tuple[str, dict | str]] = []
    pixels = 0
    for name, file in files.items():
        try:
            data = predictor.read(file)
            height, width = data['img'].shape[:2]
        except ReadingError as error:
            group.append((name, str(error)))
            continue
        if group and (
            len(group) == _AT_ONCE or pixels + height * width > _PIXELS
        ):
            yield group
            group, pixels = [], 0
        group.append((name, data))
        pixels += height * width
    if group:
        yield group


def _predict_one(
    predictor: TiledPredictor,
    writer: FolderWriter,
    name: str,
    data: dict,
    known: Any,
    draw: bool,
) -> None:
    """Predict on an image and write it; its line is the last."""
    size = height, width = data['img'].shape[:2]
    if predictor.task == 'segment':
        kind, source = predictor.class_type, data['img_path']
        with writer.class_map(name, size, kind, source) as file:
            result = predictor.predict(data, file.write, known)
        place = file.path.relative_to(writer.folder).as_posix()
        result['class_map'] = place
    else:
        result = predictor.predict(data, known=known)
    if draw:
        writer.picture(name, predictor.draw(result))
    del result['picture']
    if predictor.task == 'detect':
        writer.labels(name, yolo_lines(result['objects'], width, height))
    writer.prediction(name, dict(width=width, height=height, **result))


def _show_progress(done: int, total: int, begin: float) -> None:
    if not sys.stderr.isatty():
        return
    end = '\n' if done == total else ''
    line = f'\rimage {done:,} of {total:,}  {time_left(begin, done, total)}   '
    print(line, end=end, file=sys.stderr, flush=True)


def _begin(out: Path, record: Mapping, files: Mapping) -> set[str]:
    """Make the folder; return the names of images that are done.

    Raises:
        FileError: It cannot be written, or holds something else.
        InputError: It holds predictions with other options.
    """
    file = out / _RECORD
    old = read_record(file, 'predictions')
    if old is not None:
        check_same(out, 'predictions', old, record)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if old is None:
            file.write_text(json.dumps(record, indent=2), encoding='utf-8')
    except OSError as error:
        raise FileError(
            f'{out} cannot be written ({error.strerror}); name another '
            'folder with --out'
        ) from error
    return {line['image'] for line in _whole_lines(out / LINES)} & set(files)


def _record(args: argparse.Namespace, model: Path) -> dict[str, Any]:
    """What the results depend on, besides the images."""
    return dict(
        checkpoint=str(model),
        written=model.stat().st_mtime_ns,
        images=str(Path(args.images).expanduser().absolute()),
        min_score=args.min_score,
        tile=args.tile,
        overlap=args.overlap,
    )


def _whole_lines(file: Path) -> list[dict]:
    """The lines of a file, whose last may be torn: it is cut off then."""
    if not file.is_file():
        return []
    content = file.read_bytes()
    whole = content.rfind(b'\n') + 1
    if whole < len(content):
        os.truncate(file, whole)
    return list(lines_of(file))


def _each(images) -> Iterator[tuple[str, Any]]:
    """Names and images of what :func:`mmmap.predict` is given."""
    if isinstance(images, str | Path):
        yield from find_images(images).items()
    elif isinstance(images, np.ndarray):
        yield '', images
    elif isinstance(images, Iterable):
        for image in images:
            yield from _each(image)
    else:
        raise InputError(
            f'an image of type {type(images).__name__}, expected a path, an '
            'array of NumPy, or a list of these'
        )
