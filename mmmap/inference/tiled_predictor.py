"""Predictions on images of any size, for any model.

Nothing here imports torch; subclasses have the model.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.image_files import count_values
from ..errors import InputError
from .overlays import Shrunk, draw_classes, draw_label, draw_objects
from .tiles import class_rows, objects_of_tiles, tiles_of

# Images larger than the training images by this factor are tiled.
_LARGER = 4
TASKS = dict(mmpretrain='classify', mmseg='segment', mmdet='detect')
Take = Callable[[np.ndarray], None]


class TiledPredictor(ABC):
    """Predicts on images; large ones are cut into tiles.

    Args:
        task: ``'segment'``, ``'detect'`` or ``'classify'``.
        classes: Their names.
        palette: A colour for each, RGB.
        tile: Edge of tiles in pixels; larger images are cut.
        usual: Edge of tiles without ``tile``, for images whose longer side
            is more than four times that; None for no tiles.
        overlap: Pixels that tiles share; by default a quarter of a tile.

    Raises:
        InputError: An overlap as large as the tiles.
    """

    def __init__(
        self,
        task: str,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]],
        tile: int | None = None,
        usual: int | None = None,
        overlap: int | None = None,
    ) -> None:
        self.task, self.classes = task, list(map(str, classes))
        self.palette = palette
        self.tile = tile or usual
        self.larger_than = tile or _LARGER * (usual or 0)
        self.overlap = overlap
        if self.tile and (overlap or 0) >= self.tile:
            raise InputError(
                f'the overlap of {overlap} pixels is not smaller than the '
                f'tiles of {self.tile}; use less than half of them'
            )

    @abstractmethod
    def read(self, image: str | Path | np.ndarray) -> dict[str, Any]:
        """Read an image from a file, or from pixels (H, W, C), RGB.

        Returns:
            ``img``, (H, W, C), blue first, and what subclasses need.

        Raises:
            ReadingError: It is not an image that the model takes.
        """

    @abstractmethod
    def outputs(
        self, data: Mapping[str, Any], parts: Sequence[np.ndarray]
    ) -> Iterable[Any]:
        """Run the model on parts (h, w, C) of an image.

        Returns:
            For each part: the class map (h, w) of a segmentor; a list of
            ``bbox``, ``label``, ``name``, ``score`` and perhaps ``polygons``
            of a detector; ``label``, ``name`` and ``score`` of a classifier.
        """

    def wholes(self, images: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Outputs for images; None for those that are tiled.

        Args:
            images: As :meth:`read` returns them.

        Raises:
            ReadingError: One cannot be used.
        """
        small = [one for one in images if self._is_whole(one['img'])]
        found = iter(self.outputs_of_images(small))
        return [
            next(found) if self._is_whole(one['img']) else None
            for one in images
        ]

    def outputs_of_images(
        self, images: Sequence[Mapping[str, Any]]
    ) -> Iterable[Any]:
        """As :meth:`outputs`, for whole images."""
        for one in images:
            yield from self.outputs(one, [one['img']])

    def _is_whole(self, image) -> bool:
        if not isinstance(image, np.ndarray):
            return False  # read by rows
        return self.task == 'classify' or len(self.tiles(image)) == 1

    def predict(
        self,
        data: Mapping[str, Any],
        take: Take | None = None,
        known: Any = None,
    ) -> dict[str, Any]:
        """Predict on an image.

        Args:
            data: From :meth:`read`.
            take: Called with the class map of a segmentor, some rows (h, W) at
                a time, which is then not returned.
            known: The output for the whole image, from :meth:`wholes`.

        Returns:
            ``class_map`` (H, W) and ``shares`` of the image by name for a
            segmentor; ``objects`` for a detector; ``label``, ``name`` and
            ``score`` for a classifier. Also ``picture``, for :meth:`draw`.
        """
        image = data['img']
        picture = Shrunk(*image.shape[:2])
        if self.task == 'classify':
            picture.add(image)
            (result,) = [known] if known else self.outputs(data, [image])
            return dict(**result, picture=picture)
        tiles = self.tiles(image)

        def predict(parts):
            return self.outputs(data, parts) if known is None else [known]

        if self.task == 'detect':
            found = objects_of_tiles(image, tiles, predict, picture.add)
            return dict(objects=found, picture=picture)
        counts = np.zeros(max(256, len(self.classes)), np.int64)
        kept: list[np.ndarray] = []
        for labels, pixels in class_rows(
            image, tiles, predict, self.class_type
        ):
            counts += count_values(labels, len(counts))
            picture.add(pixels, labels)
            (take or kept.append)(labels)
        result = dict(shares=self._shares(counts), picture=picture)
        return (
            result if take else dict(class_map=np.concatenate(kept), **result)
        )

    @property
    def class_type(self) -> type:
        """The type of class maps."""
        return np.uint8 if len(self.classes) <= 256 else np.uint16

    def draw(self, result: Mapping[str, Any]) -> np.ndarray:
        """Draw a prediction, (h, w, 3), RGB; large pictures are shrunk."""
        picture = result['picture']
        if self.task == 'segment':
            return draw_classes(picture.pixels, picture.labels, self.palette)
        if self.task == 'detect':
            return draw_objects(
                picture.pixels, result['objects'], self.palette, picture.step
            )
        return draw_label(
            picture.pixels, f'{result["name"]} {result["score"]:.2f}'
        )

    def tiles(self, image) -> list:
        """The tiles of an image; one if it is not large."""
        height, width = image.shape[:2]
        edge = max(height, width)
        if not self.tile or edge <= self.larger_than:
            return tiles_of(height, width, edge, 0)
        overlap = self.tile // 4 if self.overlap is None else self.overlap
        return tiles_of(height, width, self.tile, overlap)

    def _shares(self, counts: np.ndarray) -> dict[str, float]:
        total = counts.sum()
        return {
            self.name_of(int(k)): float(counts[k] / total)
            for k in np.flatnonzero(counts)
        }

    def name_of(self, label: int) -> str:
        """The name of a class, or its number if it has none."""
        known = label < len(self.classes)
        return self.classes[label] if known else str(label)
