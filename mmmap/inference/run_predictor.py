"""Predictions from a run, with PyTorch."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..datasets.image_reader import ImageReader
from ..engine.settings import open_config
from ..engine.trained_models import check_channels
from ..errors import InputError
from ..visualization.palettes import complete_palette
from .polygons import polygons_of
from .tiled_predictor import TASKS, TiledPredictor

_BATCH = 16  # largest batch


class RunPredictor(TiledPredictor):
    """Predicts with the config and a checkpoint of a run.

    Images are prepared as in the config's test pipeline. One that is much
    larger than the training images is cut into tiles of their size, which are
    prepared in the same way.

    Args:
        config: File of the config.
        checkpoint: File of the weights.
        device: By default a GPU if there is one.
        min_score: Detections with a lower score are dropped.
        tile: Edge of tiles in pixels; larger images are cut. By default the
            config's ``tile``, for images more than four times as large.
        overlap: Pixels that tiles share; by default a quarter of a tile.

    Raises:
        InputError: The config is for pretraining.
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
                f'{config} is for pretraining, which predicts nothing; pass '
                'a run of `mmmap segment`, `detect` or `classify`'
            )
        settings.model.backbone.init_cfg = None  # the checkpoint has them
        library = settings.default_scope
        options = dict(min_score=min_score) if library == 'mmdet' else {}
        kind = LIBRARIES[library]
        self._predictor = kind(settings, str(checkpoint), device, **options)
        self.reader = ImageReader(settings)
        self.min_score = min_score
        classes = self._predictor.meta['classes']
        given = self._predictor.meta.get('palette')
        given = given if isinstance(given, list | tuple) else []
        palette = complete_palette(given, len(classes))
        usual = settings.get('tile')
        super().__init__(
            TASKS[library], classes, palette, tile, usual, overlap
        )

    def read(self, image: str | Path | np.ndarray) -> dict[str, Any]:
        """See :class:`TiledPredictor`."""
        if isinstance(image, np.ndarray):
            return self.reader.from_pixels(image)
        return self.reader.open(image)

    @torch.no_grad()
    def outputs(
        self, data: Mapping[str, Any], parts: Sequence[np.ndarray]
    ) -> Iterator[Any]:
        """See :class:`TiledPredictor`."""
        for first in range(0, len(parts), _BATCH):
            some = parts[first : first + _BATCH]
            yield from self.finished(self.prepared(data, p) for p in some)

    @torch.no_grad()
    def outputs_of_images(
        self, images: Sequence[Mapping[str, Any]]
    ) -> Iterator[Any]:
        """See :class:`TiledPredictor`."""
        ready = (self.prepared(one, one['img']) for one in images)
        yield from self.finished(ready)

    def prepared(self, data: Mapping[str, Any], part: np.ndarray) -> dict:
        """The model's input from a part of an image.

        Raises:
            ReadingError: It cannot be used.
        """
        size = part.shape[:2]
        whole = dict(
            data,
            img=np.ascontiguousarray(part),
            img_shape=size,
            ori_shape=size,
        )
        ready = self.reader.finish(whole)
        model = self._predictor.inferencer.model
        check_channels(model, {data['img_path']: ready['inputs']})
        return ready

    def finished(self, batch) -> Iterator[Any]:
        """Predictions on prepared parts, in batches of equal size."""
        waiting: list[dict] = []
        for ready in batch:
            same = (
                not waiting
                or waiting[0]['inputs'].shape == ready['inputs'].shape
            )
            if not same or len(waiting) == _BATCH:
                yield from map(self._result, self._predictor.predict(waiting))
                waiting = []
            waiting.append(ready)
        if waiting:
            yield from map(self._result, self._predictor.predict(waiting))

    def _result(self, sample):
        """Class map, objects or class of a part of an image."""
        if self.task == 'classify':
            return self._predictor.record(sample)
        if self.task == 'segment':
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
                name=self.name_of(label),
                score=float(found.scores[k]),
            )
            if masks is not None:
                one['polygons'] = polygons_of(np.asarray(masks[k]))
            objects.append(one)
        return objects
