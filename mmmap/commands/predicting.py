"""``mmmap predict``: a result for each image as soon as it is there."""

import argparse
import csv
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import cli
from ..datasets.image_files import IMAGE_SUFFIXES, list_images
from ..datasets.image_reader import ReadingError
from ..engine.hooks.progress_line import duration
from ..errors import FileError, InputError
from ..inference import FolderWriter
from ..inference.run_predictor import RunPredictor
from ..inference.sources import named_files
from . import runs

_RECORD = 'predict.json'
_LINES = 'predictions.jsonl'


def run_predict(args: argparse.Namespace) -> None:
    """Predict on images and write the results into a folder.

    Images that are in the folder already are left as they are.

    Raises:
        UserError: The run, the images or the folder cannot be used; at the
            end, if some images could not.
    """
    run = _run_folder(args.run)
    checkpoint = _checkpoint(run, args.checkpoint)
    files = find_images(args.images)
    out = Path(args.out).expanduser().absolute()
    done = _begin(out, _record(args, checkpoint), files)
    with runs.quiet():
        predictor = RunPredictor(
            run / runs.CONFIG,
            checkpoint,
            args.device,
            args.min_score,
            args.tile,
            args.overlap,
        )
    todo = {n: file for n, file in files.items() if n not in done}
    if done:
        print(f'{len(done):,} images are predicted already')
    with cli.during(lambda: cli.Activity('predicting', True)):
        bad = _predict_all(predictor, todo, out, not args.no_pictures)
        summarise(out, files, predictor.classes)
    told = sorted(p.name for p in out.iterdir() if p.name != _RECORD)
    print(f'{out}: {", ".join(told)}')
    if bad:
        raise InputError(
            f'{len(bad):,} of {len(files):,} images cannot be used: '
            f'{"; ".join(list(bad.values())[:3])}. The others are predicted; '
            'replace these and run the same command again'
        )


def predict(
    run: str | Path,
    images: str | Path | np.ndarray | Sequence,
    *,
    checkpoint: str | Path | None = None,
    **options: Any,
) -> Iterator[dict[str, Any]]:
    """As :func:`mmmap.predict`."""
    folder = _run_folder(run)
    predictor = RunPredictor(
        folder / runs.CONFIG, _checkpoint(folder, checkpoint), **options
    )
    for name, image in _each(images):
        yield dict(image=name, **predictor.predict(predictor.read(image)))


def find_images(path: str | Path) -> dict[str, Path]:
    """Files of images by the names of their results.

    Raises:
        InputError: There are none.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        files = list(map(Path, list_images(path)))
        if not files:
            raise InputError(
                f'{path} holds no images, nor do the folders in it; expected '
                f'names that end in {", ".join(IMAGE_SUFFIXES)}'
            )
        return named_files(files, path)
    if not path.is_file():
        raise InputError(f'there is nothing at {path}; correct the path')
    return named_files([path], path.parent)


def summarise(
    out: Path, files: Mapping[str, Path], classes: Sequence[str]
) -> None:
    """Write what was predicted in the forms that other programs read.

    ``predictions.csv`` has a row for each object or share of a class or
    image; of a detector, ``coco.json`` has all of it in the form of COCO.
    """
    lines = list(_lines(out / _LINES))
    with open(out / 'predictions.csv', 'w', newline='') as file:
        rows = csv.writer(file)
        rows.writerow(_header(lines))
        for line in lines:
            rows.writerows(_rows(line))
    if any('objects' in line for line in lines):
        content = _as_coco(lines, files, classes)
        text = json.dumps(content, ensure_ascii=False)
        (out / 'coco.json').write_text(text, encoding='utf-8')


def _predict_all(
    predictor: RunPredictor, files: Mapping[str, Path], out: Path, draw: bool
) -> dict[str, str]:
    """Predict and write one image after another; return what is unusable."""
    writer, bad, begin = FolderWriter(out), {}, time.monotonic()
    for k, (name, file) in enumerate(files.items()):
        try:
            data = predictor.read(file)
            told = predictor.predict(data)
        except ReadingError as error:
            bad[name] = str(error)
            continue
        finally:
            _tell(k + 1, len(files), begin)
        if draw:
            writer.picture(name, predictor.draw(data, told))
        height, width = data['img'].shape[:2]
        # Its line is the last: with it an image is done.
        writer.prediction(name, dict(width=width, height=height, **told))
    return bad


def _tell(done: int, total: int, begin: float) -> None:
    if not sys.stderr.isatty():
        return
    left = (time.monotonic() - begin) / done * (total - done)
    end = '\n' if done == total else ''
    line = f'\rimage {done:,} of {total:,}  {duration(left)} left   '
    print(line, end=end, file=sys.stderr, flush=True)


def _begin(out: Path, record: Mapping, files: Mapping) -> set[str]:
    """Make the folder; return the names of images that are done.

    Raises:
        FileError: It cannot be written, or holds something else.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        inside = any(out.iterdir())
    except OSError as error:
        raise FileError(
            f'{out} cannot be written ({error.strerror}); name another '
            'folder with --out'
        ) from error
    file = out / _RECORD
    if inside:
        old = {}
        if file.is_file():
            old = json.loads(file.read_text(encoding='utf-8'))
        if old != record:
            raise FileError(
                f'{out} holds something else than predictions of this '
                'command; name another folder with --out'
            )
    else:
        file.write_text(json.dumps(record, indent=2), encoding='utf-8')
    return {line['image'] for line in _whole_lines(out / _LINES)} & set(files)


def _record(args: argparse.Namespace, checkpoint: Path) -> dict[str, Any]:
    """What the results depend on, besides the images."""
    stat = checkpoint.stat()
    return dict(
        checkpoint=str(checkpoint),
        written=stat.st_mtime_ns,
        images=str(Path(args.images).expanduser().absolute()),
        min_score=args.min_score,
        tile=args.tile,
        overlap=args.overlap,
    )


def _lines(file: Path) -> Iterator[dict]:
    if file.is_file():
        with open(file, encoding='utf-8') as lines:
            yield from map(json.loads, lines)


def _whole_lines(file: Path) -> list[dict]:
    """The lines of a file, whose last may be torn: it is cut off then."""
    if not file.is_file():
        return []
    content = file.read_bytes()
    whole = content.rfind(b'\n') + 1
    if whole < len(content):
        os.truncate(file, whole)
    return list(_lines(file))


def _header(lines: Sequence[Mapping]) -> list[str]:
    first = lines[0] if lines else {}
    if 'objects' in first:
        return ['image', 'class', 'score', 'x1', 'y1', 'x2', 'y2']
    if 'shares' in first:
        return ['image', 'class', 'share']
    return ['image', 'class', 'score']


def _rows(line: Mapping) -> Iterator[list]:
    image = line['image']
    if 'objects' in line:
        for one in line['objects']:
            box = [round(v, 2) for v in one['bbox']]
            yield [image, one['name'], round(one['score'], 5), *box]
    elif 'shares' in line:
        for name, share in line['shares'].items():
            yield [image, name, round(share, 7)]
    else:
        yield [image, line['name'], round(line['score'], 5)]


def _as_coco(
    lines: Sequence[Mapping], files: Mapping[str, Path], classes: Sequence[str]
) -> dict[str, Any]:
    """Images, categories and objects, in the form of COCO."""
    images, annotations = [], []
    for number, line in enumerate(lines, 1):
        file = files.get(line['image'])
        images.append(
            dict(
                id=number,
                file_name=line['image'] if file is None else str(file),
                width=line['width'],
                height=line['height'],
            )
        )
        for one in line['objects']:
            left, top, right, bottom = one['bbox']
            width, height = right - left, bottom - top
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=number,
                    category_id=one['label'] + 1,
                    bbox=[left, top, width, height],
                    area=width * height,
                    iscrowd=0,
                    score=one['score'],
                    segmentation=one.get('polygons', []),
                )
            )
    categories = [dict(id=k, name=n) for k, n in enumerate(classes, 1)]
    return dict(images=images, annotations=annotations, categories=categories)


def _each(images) -> Iterator[tuple[str, Any]]:
    """Names and images of what :func:`mmmap.predict` is given."""
    if isinstance(images, str | Path):
        yield from find_images(images).items()
    elif isinstance(images, np.ndarray):
        yield '', images
    else:
        for image in images:
            yield from _each(image)


def _run_folder(given: str | Path) -> Path:
    run = Path(given).expanduser().absolute()
    if not (run / runs.CONFIG).is_file():
        raise InputError(
            f'{given} holds no {runs.CONFIG}; name the folder of a run, --out '
            'of `mmmap segment`, `detect` or `classify` (for other configs '
            'there is tools/infer.py)'
        )
    return run


def _checkpoint(run: Path, given: str | Path | None) -> Path:
    if given is None:
        return runs.best_checkpoint(run)
    path = Path(given).expanduser().absolute()
    if not path.is_file():
        raise FileError(f'there is no checkpoint {given}; correct the path')
    return path
