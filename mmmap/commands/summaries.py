"""Predictions in the formats of other programs."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..inference.polygons import largest

LINES = 'predictions.jsonl'


def summarise(
    out: Path, files: Mapping[str, Path], classes: Sequence[str]
) -> int:
    """Write what was predicted in the forms that other programs read.

    ``predictions.csv`` has a row for each object or share of a class or
    image; of a detector, ``coco.json`` has all of it in the form of COCO;
    ``classes.txt`` has the names of the numbers in class maps and labels.

    Args:
        out: The folder of the predictions.
        files: Images by the names of their results, below their folder.
        classes: Names.

    Returns:
        The number of rows of ``predictions.csv``.
    """
    lines = list(lines_of(out / LINES))
    with open(out / 'predictions.csv', 'w', newline='') as file:
        rows = csv.writer(file)
        rows.writerow(_header(lines))
        contents = [row for line in lines for row in _rows(line)]
        rows.writerows(contents)
    if any('objects' in line for line in lines):
        content = _as_coco(lines, files, classes)
        text = json.dumps(content, ensure_ascii=False)
        (out / 'coco.json').write_text(text, encoding='utf-8')
    if any('objects' in line or 'shares' in line for line in lines):
        names = ''.join(f'{name}\n' for name in classes)
        (out / 'classes.txt').write_text(names, encoding='utf-8')
    return len(contents)


def yolo_lines(
    objects: Sequence[Mapping[str, Any]], width: int, height: int
) -> list[str]:
    """Objects as YOLO has them: number of the class, place, score.

    A place is the largest outline, x y x y ..., or without outlines the
    centre, width and height of the box; all in shares of the image.

    Args:
        objects: With ``bbox``, ``label``, ``score`` and perhaps ``polygons``.
        width: Of the image.
        height: Of the image.

    Source: the format of Ultralytics' ``save_txt`` with ``save_conf``.
    """
    lines = []
    for one in objects:
        outline = largest(one.get('polygons') or [])
        if outline is None:
            x1, y1, x2, y2 = one['bbox']
            place = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
        else:
            place = outline
        shares = [
            min(max(value / (height if k % 2 else width), 0), 1)
            for k, value in enumerate(place)
        ]
        numbers = ' '.join(f'{share:.6f}' for share in shares)
        lines.append(f'{one["label"]} {numbers} {one["score"]:.6f}')
    return lines


def lines_of(file: Path) -> Iterator[dict]:
    """The predictions in a file."""
    if file.is_file():
        with open(file, encoding='utf-8') as lines:
            yield from map(json.loads, lines)


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
                file_name=line['image'] if file is None else file.as_posix(),
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
