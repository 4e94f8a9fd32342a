"""One sample, loaded with the loading steps of a config."""

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.registry import TRANSFORMS

from ..image_files import Header, read_header
from .class_maps import class_map_problem, wide_map_problem
from .orientation import explain, size_as_read, turns_upright
from .parts import Part, is_local

_LARGE = 40_000_000  # pixels


class Looked(NamedTuple):
    """A sample that was opened.

    Attributes:
        path: The image.
        header: Of the image file, as stored; None if Pillow cannot read it.
        size: Width and height as loaded; None if it was not.
        channels: As loaded; 0 if it was not.
        digest: Of the pixels.
        values: How often each value 0..255 occurs in its class map, or None.
        problem: Why it cannot be used, or None.
        where: The file that the problem is in.
    """

    path: str
    header: Header | None = None
    size: tuple[int, int] | None = None
    channels: int = 0
    digest: bytes = b''
    values: np.ndarray | None = None
    problem: str | None = None
    where: str = ''


class Loader:
    """Loads samples with the loading steps of a config.

    Args:
        part: The data set.
        number: Of classes of class maps.
        ignored: Values of class maps that are not classes.
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
        self._upright: dict[str, bool] = {}

    def _loads(self, step: Mapping) -> bool:
        kind = str(step.get('type')).split('.')[-1]
        image = kind.startswith('Load') and 'Image' in kind
        return image or (self.maps and kind.startswith('LoadAnnot'))

    def load(self, item: Mapping) -> dict:
        """The loaded sample, with the image as ``img``."""
        data = _own(item)
        for step in self.steps:
            data = step(data)
        return data

    def header(self, path: str) -> Header | None:
        """The header of a local image, if Pillow can read it."""
        header = read_header(path) if self.local else None
        return header if isinstance(header, Header) else None

    def turns_upright(self, path: str) -> bool:
        """Whether such a file is turned as its EXIF orientation says."""
        suffix = Path(path).suffix
        if suffix not in self._upright:
            self._upright[suffix] = turns_upright(self._image, suffix)
        return self._upright[suffix]

    def _image(self, data: dict) -> dict:
        for step in self.steps:
            data = step(data)
            if 'img' in data:
                return data
        return data

    def glance(self, item: Mapping) -> Looked | None:
        """Look only at the header of a large image; None for others."""
        path = str(item['img_path'])
        header = self.header(path)
        if header is None or header.width * header.height <= _LARGE:
            return None
        upright = header.orientation > 1 and self.turns_upright(path)
        size = size_as_read(header, upright)
        problem = size_problem(item, size, header)
        return Looked(path, header, size, problem=problem, where=path)

    def __call__(self, item: Mapping) -> Looked:
        """Look at a sample of the data set."""
        path = str(item.get('img_path'))
        header = self.header(path)
        data = _own(item)
        try:
            for step in self.steps:
                data = step(data)
        # Damaged bytes make decoders raise errors of any type.
        except Exception as error:
            where = str(item.get('seg_map_path')) if 'img' in data else path
            reason = ' '.join(str(error).split()) or type(error).__name__
            if os.path.isfile(where) and not os.path.getsize(where):
                reason = 'it is empty'
            problem = f'cannot be read: {reason}'
            return Looked(path, header, problem=problem, where=where)
        image = data.get('img')
        if not isinstance(image, np.ndarray):
            return Looked(path, header)
        size = image.shape[1], image.shape[0]
        problem, where, values = size_problem(item, size, header), path, None
        labels = data.get('gt_seg_map')
        if problem is None and labels is not None:
            where = str(item.get('seg_map_path'))
            problem = self._map_problem(labels, image, where, header)
            if labels.ndim == 2:
                flat = labels.astype(np.uint8, copy=False).ravel()
                values = np.bincount(flat, minlength=256)
        channels = image.shape[2] if image.ndim == 3 else 1
        image = np.ascontiguousarray(image)
        digest = hashlib.blake2b(image, digest_size=16).digest()
        return Looked(
            path, header, size, channels, digest, values, problem, where
        )

    def _map_problem(
        self, labels: np.ndarray, image: np.ndarray, path: str, header
    ) -> str | None:
        problem = class_map_problem(
            labels, image.shape, self.number, self.ignored
        )
        if problem and header and labels.shape != image.shape[:2]:
            size, other = image.shape[1::-1], labels.shape[1::-1]
            return problem + explain(header, size, other)
        own = None if problem else self.header(path)
        return wide_map_problem(path, own.bits) if own else problem


def _own(item: Mapping) -> dict:
    """A copy of a sample for the steps; mmseg's append to its list."""
    lists = {k: list(v) for k, v in item.items() if k == 'seg_fields'}
    return {**item, **lists}


def size_problem(
    item: Mapping, size: Sequence[int], header: Header | None = None
) -> str | None:
    """Why an image does not have the size of its annotations, or None.

    Args:
        item: The sample, perhaps with the ``width`` and ``height`` of its
            annotations.
        size: Width and height of the image as it is read.
        header: Of the image file.
    """
    listed = item.get('width'), item.get('height')
    if None in listed or tuple(size) == listed:
        return None
    return (
        f'it is {size[0]}x{size[1]}, its annotations are for '
        f'{listed[0]}x{listed[1]}'
        + (explain(header, size, listed) if header else '')
    )
