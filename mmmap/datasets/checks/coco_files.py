"""JSON files in COCO format, each read once."""

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path

from .report import Report


def read_coco(
    path: str, report: Report, files: dict[str, dict]
) -> dict | None:
    """The content of a COCO JSON; None, with an error, for other files.

    Args:
        path: The file.
        report: Gets the errors.
        files: The files that were read before, by path.
    """
    if path in files:
        return files[path]
    try:
        content = json.loads(Path(path).read_text())
    except FileNotFoundError:
        report.error(path, 'does not exist')
        return None
    except (OSError, ValueError) as error:
        what = f'cannot be read as JSON ({error})'
        do = 'save it as UTF-8 without BOM' if 'utf' in what.lower() else ''
        report.error(path, what, do)
        return None
    if not isinstance(content, dict):
        kind = type(content).__name__
        report.error(path, f'holds a {kind}, expected a dict')
        return None
    keys = ['images', 'categories']
    keys += ['annotations'] if 'annotations' in content else []
    missing = [key for key in keys if not isinstance(content.get(key), list)]
    if missing:
        report.error(path, f'has no list of {" and of ".join(missing)}')
        return None
    files[path] = content
    return content


def reader_of(api: type, content: dict) -> Callable:
    """A replacement for mmdet's COCO class that has its file already."""

    def create(_path):
        with contextlib.redirect_stdout(io.StringIO()):
            coco = api()
            coco.dataset = content
            coco.createIndex()
        coco.img_ann_map, coco.cat_img_map = coco.imgToAnns, coco.catToImgs
        return coco

    return create
