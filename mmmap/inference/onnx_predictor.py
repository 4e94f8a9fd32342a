"""Predictions of an exported model with onnxruntime, without torch.

Letters: H W pixels, h w of what the model sees, C channels, K classes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..datasets.image_files import (
    ReadingError,
    cut_off,
    prepared_channels,
    read_channels,
)
from ..datasets.shown import three_channels
from ..datasets.tiff_rows import large_rows
from ..errors import InputError
from .polygons import polygons_of
from .preparing import normalised, padded, prepared, resized, softmax
from .tiled_predictor import TiledPredictor

KEY = 'mmmap'  # of the file's metadata
_BATCH = 16
INSTALL = 'pip install onnxruntime'


class OnnxPredictor(TiledPredictor):
    """Predicts with a file of ``mmmap export``.

    Args:
        path: The file.
        device: ``'cpu'``, or ``'cuda'`` with onnxruntime-gpu; by default the
            GPU if it can be used.
        min_score: Detections with a lower score are dropped.
        tile: See :class:`TiledPredictor`.
        overlap: See :class:`TiledPredictor`.

    Raises:
        InputError: The file was not written by ``mmmap export``, or
            onnxruntime is not installed.
    """

    def __init__(
        self,
        path: str | Path,
        device: str | None = None,
        min_score: float = 0.3,
        tile: int | None = None,
        overlap: int | None = None,
    ) -> None:
        self._session = _session(path, device)
        known = self._session.get_modelmeta().custom_metadata_map
        if KEY not in known:
            raise InputError(
                f'{path} does not say how images are prepared for it; write '
                'it with `mmmap export`'
            )
        self._recipe = recipe = json.loads(known[KEY])
        self.min_score = min_score
        super().__init__(
            recipe['task'],
            recipe['classes'],
            recipe['palette'],
            tile,
            recipe['tile'],
            overlap,
        )

    def read(self, image: str | Path | np.ndarray) -> dict[str, Any]:
        """See :class:`TiledPredictor`."""
        reading = self._recipe['reading']

        def convert(pixels: np.ndarray, name: str) -> np.ndarray:
            return prepared_channels(pixels, name=name, **reading)

        try:
            if isinstance(image, np.ndarray):
                pixels = np.atleast_3d(image)
                if reading:
                    pixels = convert(pixels, 'the image')
                else:
                    pixels = _colours(pixels)
                return dict(img=pixels, img_path='image')
            reason = cut_off(Path(image))
            if reason:
                raise ReadingError(f'{image} {reason}')
            pixels = large_rows(image, convert if reading else None)
            if pixels is None and reading:
                pixels = convert(read_channels(image), str(image))
            if pixels is None:
                content = np.fromfile(image, np.uint8)
                pixels = cv2.imdecode(content, cv2.IMREAD_COLOR)
            if pixels is None:
                raise ValueError('OpenCV cannot decode it')
        except ReadingError:
            raise
        except InputError as error:
            raise ReadingError(str(error)) from error
        except (ValueError, SyntaxError, cv2.error) as error:
            raise ReadingError.damaged(image, error) from error
        return dict(img=pixels, img_path=str(image))

    def outputs(
        self, data: Mapping[str, Any], parts: Sequence[np.ndarray]
    ) -> Iterator[Any]:
        """See :class:`TiledPredictor`."""
        one = dict(
            segment=self._class_map, detect=self._objects, classify=self._class
        )[self.task]
        yield from map(one, parts)

    def _run(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        names = [output.name for output in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, inputs)))

    def _ready(self, part: np.ndarray) -> np.ndarray:
        """(1, C, h, w), fp32, normalised."""
        seen = prepared(part, self._recipe['steps'])
        return normalised(seen, self._recipe)

    def _class(self, part: np.ndarray) -> dict[str, Any]:
        scores = softmax(self._run(images=self._ready(part))['logits'][0])
        label = int(scores.argmax())
        name = self.name_of(label)
        return dict(label=label, name=name, score=float(scores[label]))

    def _class_map(self, part: np.ndarray) -> np.ndarray:
        """Average the scores of overlapping crops, as mmseg's slide mode."""
        image = self._ready(part)
        h, w = image.shape[2:]
        recipe = self._recipe
        image = padded(image, recipe['divisor'], recipe['crop'])
        H, W = image.shape[2:]
        places = _places((H, W), recipe['crop'], recipe['stride'])
        total, count = 0.0, np.zeros((H, W), np.float32)
        ch, cw = recipe['crop']
        for first in range(0, len(places), _BATCH):
            some = places[first : first + _BATCH]
            crops = [image[0, :, y : y + ch, x : x + cw] for y, x in some]
            scores = self._run(images=np.stack(crops))['logits']
            if first == 0:
                total = np.zeros((scores.shape[1], H, W), np.float32)
            for (y, x), score in zip(some, scores):
                total[:, y : y + ch, x : x + cw] += score
                count[y : y + ch, x : x + cw] += 1
        mean = (total / count)[:, :h, :w]
        labels = resized(mean, part.shape[:2]).argmax(0)
        return labels.astype(self.class_type)

    def _objects(self, part: np.ndarray) -> list[dict[str, Any]]:
        image = self._ready(part)
        size = h, w = image.shape[2:]
        H, W = part.shape[:2]
        recipe = self._recipe
        image = padded(image, recipe['divisor'], [recipe['least']] * 2)
        found = self._run(images=image, shape=np.array(size, np.float32))
        scale = np.array([w / W, h / H] * 2, np.float32)
        objects = []
        for k in np.flatnonzero(found['scores'] >= self.min_score):
            label, box = int(found['labels'][k]), found['boxes'][k] / scale
            one = dict(
                bbox=[float(v) for v in box],
                label=label,
                name=self.name_of(label),
                score=float(found['scores'][k]),
            )
            if 'masks' in found:
                one['polygons'] = _outlines(
                    found['masks'][k], box, (H, W), recipe['mask_threshold']
                )
            objects.append(one)
        return objects


def _session(path: str | Path, device: str | None):
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(f'{path} needs onnxruntime: {INSTALL}') from error
    there = onnxruntime.get_available_providers()
    wanted = (device or '').startswith('cuda')
    if wanted and 'CUDAExecutionProvider' not in there:
        raise InputError(
            f'--device {device}: this onnxruntime has no CUDA; install '
            'onnxruntime-gpu, or leave --device out'
        )
    if device == 'cpu':
        there = ['CPUExecutionProvider']
    kept = [p for p in there if p[:3] in ('CUD', 'CPU')]
    try:
        return onnxruntime.InferenceSession(str(path), providers=kept)
    # Its errors have no more specific base class.
    except Exception as error:
        raise InputError(
            f'{path} is not an ONNX file that onnxruntime can open: {error}'
        ) from error


def _colours(pixels: np.ndarray) -> np.ndarray:
    """RGB or grey as OpenCV reads files, (H, W, 3), blue first."""
    if pixels.dtype != np.uint8 or pixels.shape[2] not in (1, 3):
        raise ReadingError(
            f'an image of shape {pixels.shape} and type {pixels.dtype}, '
            'expected (H, W, 3) or (H, W) of uint8'
        )
    return np.ascontiguousarray(three_channels(pixels)[..., ::-1])


def _places(size, crop, stride) -> list[tuple[int, int]]:
    """Upper left corners of crops that cover an image, as in mmseg."""
    axes = []
    for length, edge, step in zip(size, crop, stride):
        count = max(length - edge + step - 1, 0) // step + 1
        axes.append([min(k * step, length - edge) for k in range(count)])
    return [(y, x) for y in axes[0] for x in axes[1]]


def _outlines(
    mask: np.ndarray, box: np.ndarray, size: tuple[int, int], threshold: float
) -> list[list[float]]:
    """Outlines of a mask (S, S) of a box (4,) in an image of H, W."""
    x1, y1, x2, y2 = box
    left, top = max(int(x1) - 1, 0), max(int(y1) - 1, 0)
    right, bottom = min(int(x2) + 2, size[1]), min(int(y2) + 2, size[0])
    if right <= left or bottom <= top:
        return []
    rows = _weights(np.arange(top, bottom), y1, y2, len(mask))
    columns = _weights(np.arange(left, right), x1, x2, mask.shape[1])
    inside = rows @ mask @ columns.T >= threshold
    return [
        [v + (top if k % 2 else left) for k, v in enumerate(polygon)]
        for polygon in polygons_of(inside)
    ]


def _weights(
    pixels: np.ndarray, low: float, high: float, number: int
) -> np.ndarray:
    """Of ``number`` cells between two edges, linear, at each pixel."""
    length = max(float(high - low), 1e-6)
    place = (pixels + 0.5 - low) / length * number - 0.5
    distance = np.abs(place[:, None] - np.arange(number))
    return np.maximum(0, 1 - distance).astype(np.float32)
