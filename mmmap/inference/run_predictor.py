"""Predictions of one run, on images of any size."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ..datasets.image_files import count_values
from ..datasets.image_reader import ImageReader, as_picture
from ..engine.settings import open_config
from ..engine.trained_models import check_channels
from ..errors import InputError
from ..visualization.overlays import draw_classes, draw_label, draw_objects
from ..visualization.palettes import complete_palette
from .tiles import class_map_of_tiles, objects_of_tiles, tiles_of

# How much larger than those of the training images are predicted in tiles.
_LARGER = 4


class RunPredictor:
    """Predicts with the config and a checkpoint of a run.

    An image is prepared as the config prepares those it is tested with. One
    that is far larger than the training images is cut into tiles of their
    size, each prepared alike.

    Args:
        config: File of the config.
        checkpoint: File of the weights.
        device: By default a GPU where there is one.
        min_score: Detections below it are left out.
        tile: Edge of tiles, in pixels, of all images that are larger; by
            default ``tile`` of the config, of those four times as large.
        overlap: Of tiles, in pixels; by default a quarter of them.

    Raises:
        InputError: The config is of a pretraining.
        CheckpointError: The checkpoint does not fit.
    """

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | Path,
        device: str | None = None,
        min_score: float = 0.3,
        tile: int | None = None,
        overlap: int | None = None,
    ) -> None:
        from .predictors import LIBRARIES

        settings = open_config(config)
        if not settings.get('test_dataloader'):
            raise InputError(
                f'{config} is of a pretraining, which predicts nothing; give '
                'a run of `mmmap segment`, `detect` or `classify`'
            )
        settings.model.backbone.init_cfg = None  # the checkpoint brings it
        self.library = settings.default_scope
        options = {}
        if self.library == 'mmdet':
            options['min_score'] = min_score
        kind = LIBRARIES[self.library]
        self._predictor = kind(settings, str(checkpoint), device, **options)
        self.reader = ImageReader(settings)
        self.min_score = min_score
        self.tile = tile or settings.get('tile')
        self.larger_than = tile or _LARGER * (self.tile or 0)
        self.overlap = overlap
        if self.tile and (overlap or 0) >= self.tile:
            raise InputError(
                f'an overlap of {overlap} pixels leaves nothing of tiles of '
                f'{self.tile}; take less than half'
            )

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return list(map(str, self._predictor.meta['classes']))

    @property
    def palette(self) -> list:
        """A colour for each class, RGB."""
        given = self._predictor.meta.get('palette')
        given = given if isinstance(given, list | tuple) else []
        return complete_palette(given, len(self.classes))

    def read(self, image: str | Path | np.ndarray) -> dict:
        """What the config reads of a file, or of pixels (H, W, 3), RGB."""
        if isinstance(image, np.ndarray):
            return self.reader.read_frame(
                np.ascontiguousarray(image[..., ::-1]), 'image'
            )
        return self.reader.read(image)

    def predict(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Predict on what :meth:`read` has read.

        Returns:
            Of a segmentor ``class_map`` (H, W) and ``shares`` of the image
            by name; of a detector ``objects``, each with ``bbox`` (x1, y1,
            x2, y2), ``label``, ``name``, ``score`` and perhaps ``polygons``;
            of a classifier ``label``, ``name`` and ``score``.
        """
        image = data['img']
        with torch.no_grad():
            if self.library == 'mmpretrain':
                return self._predictor.record(self._sample(data, image))
            one = partial(self._part, data)
            tiles = self.tiles(image)
            if self.library == 'mmseg':
                labels = class_map_of_tiles(image, tiles, one)
                return dict(class_map=labels, shares=self._shares(labels))
            return dict(objects=objects_of_tiles(image, tiles, one))

    def draw(self, data: Mapping, told: Mapping) -> np.ndarray:
        """A picture (h, w, 3), RGB, of what was predicted."""
        shown = as_picture(data['img'])[..., ::-1]
        if 'class_map' in told:
            return draw_classes(shown, told['class_map'], self.palette)
        if 'objects' in told:
            return draw_objects(shown, told['objects'], self.palette)
        return draw_label(shown, f'{told["name"]} {told["score"]:.2f}')

    def tiles(self, image: np.ndarray) -> list:
        """The tiles of an image; one where it is not large."""
        height, width = image.shape[:2]
        edge = max(height, width)
        if not self.tile or edge <= self.larger_than:
            return tiles_of(height, width, edge, 0)
        overlap = self.tile // 4 if self.overlap is None else self.overlap
        return tiles_of(height, width, self.tile, overlap)

    def _sample(self, data: Mapping, image: np.ndarray):
        """The library's data sample of a part of an image."""
        size = image.shape[:2]
        part = dict(
            data,
            img=np.ascontiguousarray(image),
            img_shape=size,
            ori_shape=size,
        )
        ready = self.reader.finish(part)
        model = self._predictor.inferencer.model
        check_channels(model, {data['img_path']: ready['inputs']})
        return self._predictor.predict([ready])[0]

    def _part(self, data: Mapping, image: np.ndarray):
        """Class map or objects of a part of an image."""
        sample = self._sample(data, image)
        if self.library == 'mmseg':
            return sample.pred_sem_seg.data.squeeze(0).numpy()
        found = sample.pred_instances
        found = found[found.scores >= self.min_score]
        masks = found.get('masks')
        objects = []
        for k in range(len(found)):
            label = int(found.labels[k])
            one = dict(
                bbox=[float(v) for v in found.bboxes[k]],
                label=label,
                name=self._predictor.name_of(label),
                score=float(found.scores[k]),
            )
            if masks is not None:
                one['polygons'] = polygons_of(np.asarray(masks[k]))
            objects.append(one)
        return objects

    def _shares(self, labels: np.ndarray) -> dict[str, float]:
        counts = count_values(labels)
        return {
            self._predictor.name_of(int(k)): float(counts[k] / labels.size)
            for k in np.flatnonzero(counts)
        }


def polygons_of(mask: np.ndarray) -> list[list[float]]:
    """The outlines of a mask (H, W), each as x, y, x, y, ... in pixels."""
    outlines, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    return [
        outline.ravel().astype(float).tolist()
        for outline in outlines
        if len(outline) > 2
    ]
