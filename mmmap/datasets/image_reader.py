"""Reading images for a model, in one place.

The first steps of a config's pipeline decide what training and testing see:
the number of channels, 8 or 16 bits, the decoder. Every command that gives a
model an image reads it with the same steps.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from mmengine.registry import TRANSFORMS

from ..errors import InputError
from .config_datasets import plain_datasets
from .image_files import ReadingError, cut_off
from .shown import three_channels
from .tiff_rows import TiffRows, large_rows

# The libraries' default: 8-bit BGR.
PLAIN = [dict(type='LoadImageFromFile')]
_SPLITS = ('test', 'val', 'train')


class ImageReader:
    """Reads images as the pipeline of a config does.

    Args:
        config: A config of any library; its test pipeline is used, or
            another if there is none. Without a config, 8-bit BGR is read.

    Attributes:
        suffixes: Suffixes of the data set's images, if the config sets them.
    """

    def __init__(self, config: Mapping) -> None:
        dataset = _dataset_of(config)
        self._scope = config.get('default_scope') or 'mmpretrain'
        self._steps = steps_of(dataset)
        self._built: dict[int, Callable] = {}
        self._first = 0
        suffix = dataset.get('img_suffix')
        self.suffixes = (suffix,) if suffix else ()

    def read(self, path: str | Path) -> dict:
        """Load a file with the loading steps.

        Returns:
            Their results, with the image (H, W) or (H, W, C) as ``img``.

        Raises:
            ReadingError: It cannot be read, or is incomplete.
        """
        # mmseg's steps also need the list of loaded maps.
        data = dict(img_path=str(path), img_id=0, seg_fields=[])
        reason = cut_off(Path(path))
        if reason:
            raise ReadingError(f'{path} {reason}')
        try:
            for index in range(len(self._steps)):
                data = self._step(index)(data)
                if data is None:
                    break
                if data.get('img') is not None:
                    self._first = index + 1
                    return data
        except InputError as error:
            raise ReadingError(str(error)) from error
        # Damaged bytes make decoders raise errors of any type.
        except Exception as error:
            reason = f'{type(error).__name__}: {error}'
            raise ReadingError.damaged(path, reason) from error
        raise ReadingError.damaged(path)

    def open(self, path: str | Path) -> dict:
        """As :meth:`read`, but ``img`` of a large TIFF reads rows on demand.

        Raises:
            ReadingError: It cannot be read, or is incomplete.
        """
        step = self._loading_step()
        rows = None
        if step is not None:
            try:
                rows = large_rows(path, getattr(step, 'prepared', None))
            except InputError as error:
                raise ReadingError(str(error)) from error
        if rows is None:
            return self.read(path)
        return self._loaded(rows, str(path))

    def from_pixels(self, image: np.ndarray) -> dict:
        """As :meth:`read`, from pixels (H, W, C) in the order of files, RGB.

        Raises:
            ReadingError: They are not what the config reads.
        """
        step = self._loading_step()
        if hasattr(step, 'prepared'):
            try:
                image = step.prepared(np.atleast_3d(image), 'the image')
            except InputError as error:
                raise ReadingError(str(error)) from error
            return self._loaded(image, 'image')
        if image.dtype != np.uint8 or image.shape[2:] not in ((), (1,), (3,)):
            raise ReadingError(
                f'an image of shape {image.shape} and type {image.dtype}, '
                'expected (H, W, 3) or (H, W) of uint8'
            )
        image = three_channels(np.atleast_3d(image))[..., ::-1]
        if step is None:
            return self.read_frame(np.ascontiguousarray(image), 'image')
        return self._loaded(np.ascontiguousarray(image), 'image')

    def _loading_step(self) -> Callable | None:
        """The step that reads a file, if it is one that is known here."""
        kind = str(self._steps[0]['type']).split('.')[-1]
        plain = kind == 'LoadImageFromFile' and len(self._steps[0]) == 1
        if plain or kind == 'LoadImageChannels':
            return self._step(0)
        return None

    def _loaded(self, image: np.ndarray | TiffRows, path: str) -> dict:
        self._first = 1
        size = image.shape[:2]
        known = dict(img_path=path, img_id=0, seg_fields=[])
        return dict(known, img=image, img_shape=size, ori_shape=size)

    def read_frame(self, frame: np.ndarray, name: str) -> dict:
        """Load a video frame (H, W, 3), 8-bit BGR; see ``read``."""
        with tempfile.TemporaryDirectory() as folder:
            # Written losslessly, without slow compression.
            file = Path(folder, f'{name}.bmp')
            cv2.imwrite(str(file), frame)
            return {**self.read(file), 'img_path': name}

    def finish(self, data: dict) -> dict:
        """Run the rest of the pipeline on an image from this reader.

        Steps that load annotations are skipped.

        Raises:
            ReadingError: A step fails.
        """
        for index in range(self._first, len(self._steps)):
            if 'Annotation' in str(self._steps[index]['type']):
                continue
            step = self._step(index)
            try:
                data = step(data)
            # Steps may raise errors of any type.
            except Exception as error:
                raise ReadingError(
                    f'{data["img_path"]} cannot be used: '
                    f'{type(step).__name__}: {type(error).__name__}: {error}'
                ) from error
        return data

    def _step(self, index: int) -> Callable:
        if index not in self._built:
            with TRANSFORMS.switch_scope_and_registry(self._scope) as kinds:
                self._built[index] = kinds.build(self._steps[index])
        return self._built[index]


def loading_steps(config: Mapping) -> list[dict]:
    """The steps of a config that read an image, for another pipeline."""
    steps = steps_of(_dataset_of(config))
    kinds = [str(step['type']).split('.')[-1] for step in steps]
    loads = [index for index, k in enumerate(kinds) if k.startswith('Load')]
    if not loads:
        return PLAIN
    steps = steps[: loads[0] + 1]
    scope = config.get('default_scope')
    for step in steps:
        kind = str(step['type'])
        # What all libraries share is not found behind the name of one.
        if scope and '.' not in kind and kind not in TRANSFORMS:
            step['type'] = f'{scope}.{kind}'
    return steps


def steps_of(dataset: Mapping) -> list[dict]:
    """The steps of a pipeline, without a memory of images."""
    steps = [dict(step) for step in dataset['pipeline']]
    for step in steps:
        # It keeps all images, which pays in training alone.
        if str(step['type']).split('.')[-1] == 'LoadImageOnce':
            step['type'] = 'LoadImageFromFile'
            step.pop('max_bytes', None)
    return steps


def _dataset_of(config: Mapping) -> Mapping:
    """The first data set with a pipeline, or one that reads 8-bit BGR."""
    for split in _SPLITS:
        loader = config.get(f'{split}_dataloader') or {}
        for dataset in _with_pipelines(loader.get('dataset')):
            return dataset
    return dict(pipeline=PLAIN)


def _with_pipelines(dataset) -> Iterator[Mapping]:
    for _, plain in plain_datasets(dataset):
        pipeline = plain.get('pipeline')
        if isinstance(pipeline, Sequence) and pipeline:
            yield plain
