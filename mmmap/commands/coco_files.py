"""A COCO JSON, split into training and validation."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import FileError, InputError
from ..wording import some_of
from .images import Images

_PARTS = ('images', 'annotations', 'categories')


@dataclass(frozen=True)
class Annotations:
    """The content of a COCO JSON.

    Attributes:
        content: All of it; ``file_name`` is a path below the images' folder.
        names: Of classes, in the order in which mmdet numbers them.
        with_masks: Whether every object has an outline.
    """

    content: dict
    names: list[str]
    with_masks: bool

    def learnt_from(self, names: set[str]) -> int:
        """How many of these images have objects; mmdet drops the others."""
        part = self.part(names)
        known = {c['id'] for c in self.content['categories']}
        return len(
            {
                a['image_id']
                for a in part['annotations']
                if a.get('category_id') in known
            }
        )

    @property
    def lost(self) -> int:
        """How many annotations belong to images that are not listed."""
        ids = {image.get('id') for image in self.content['images']}
        return sum(
            a.get('image_id') not in ids for a in self.content['annotations']
        )

    @property
    def objects(self) -> Counter:
        """How many objects each class has."""
        named = {c['id']: c['name'] for c in self.content['categories']}
        labels = (a['category_id'] for a in self.content['annotations'])
        return Counter(named.get(label, str(label)) for label in labels)

    def part(self, names: set[str]) -> dict:
        """The content for some of the images."""
        images = [i for i in self.content['images'] if i['file_name'] in names]
        ids = {image['id'] for image in images}
        kept = [a for a in self.content['annotations'] if a['image_id'] in ids]
        return {**self.content, 'images': images, 'annotations': kept}


def read(path: str | Path, images: Images) -> Annotations:
    """Read a JSON and find its images.

    Args:
        path: Of the JSON.
        images: Those of the folder, by path or else by file name.

    Raises:
        FileError: It cannot be read.
        InputError: It is not in COCO format, or some images are missing.
    """
    path = Path(path).expanduser()
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise FileError(f'{path} cannot be read: {error.strerror}') from error
    except ValueError as error:
        raise InputError(f'{path} is not a JSON file: {error}') from error
    missing = _PARTS
    if isinstance(content, dict):
        missing = [p for p in _PARTS if not isinstance(content.get(p), list)]
    if missing:
        raise InputError(
            f'{path} is not in COCO format: it lacks {", ".join(missing)}'
        )
    if not content['annotations']:
        raise InputError(f'{path} has no annotations')
    content = {**content, 'images': _found(content['images'], images, path)}
    return Annotations(
        content,
        [str(category.get('name')) for category in content['categories']],
        all(a.get('segmentation') for a in content['annotations']),
    )


def _found(listed: list[Mapping], images: Images, path: Path) -> list[dict]:
    """Images of the JSON with their paths below the folder.

    Raises:
        InputError: Some are missing.
    """
    known = set(images.names)
    alone = Counter(Path(name).name for name in images.names)
    by_name = {
        Path(name).name: name
        for name in images.names
        if alone[Path(name).name] == 1
    }
    found, absent = [], []
    for image in listed:
        name = str(image.get('file_name'))
        place = name if name in known else by_name.get(Path(name).name)
        if place is None:
            absent.append(name)
        else:
            found.append({**image, 'file_name': place})
    if absent:
        raise InputError(
            f'{len(absent):,} of {len(listed):,} images of {path} are not in '
            f'{images.folder}: {some_of(absent)}; set --images to the folder '
            'that holds them, or remove them from the JSON'
        )
    return found
