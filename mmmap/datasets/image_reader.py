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

# How the libraries read an image by default: as 8-bit BGR.
PLAIN = [dict(type='LoadImageFromFile')]
_SPLITS = ('test', 'val', 'train')


class ReadingError(InputError):
    """An unusable image; the message has its name and the reason."""


class ImageReader:
    """Reads images as the pipeline of a config does.

    Args:
        config: A config of any library; its test pipeline is used, or
            another if there is none. Without a config, 8-bit BGR is read.

    Attributes:
        suffixes: Suffixes of the data set's images, as far as the config
            has them.
    """

    def __init__(self, config: Mapping) -> None:
        dataset = _dataset_of(config)
        self._scope = config.get('default_scope') or 'mmpretrain'
        self._steps = [dict(step) for step in dataset['pipeline']]
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
        reason = _cut_off(Path(path))
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
        # Damaged bytes make decoders raise errors of any type.
        except Exception as error:
            reason = f'{type(error).__name__}: {error}'
            raise ReadingError(
                f'{path} is not an image that can be read ({reason})'
            ) from error
        raise ReadingError(f'{path} is not an image that can be read')

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
    steps = [dict(step) for step in _dataset_of(config)['pipeline']]
    kinds = [str(step['type']).split('.')[-1] for step in steps]
    loads = [index for index, k in enumerate(kinds) if k.startswith('Load')]
    steps = steps[: loads[0] + 1] if loads else []
    scope = config.get('default_scope')
    for step in steps:
        if step != PLAIN[0] and scope and '.' not in str(step['type']):
            step['type'] = f'{scope}.{step["type"]}'
    return steps or PLAIN


def as_picture(image: np.ndarray) -> np.ndarray:
    """Turn an image of any depth and channels into a picture to look at.

    Values in 0..255 stay; others are scaled from the smallest to the largest.
    Of more than three channels, the first three are shown; one channel is
    grey, two get their mean as the third.

    Args:
        image: (H, W) or (H, W, C), as read.

    Returns:
        (H, W, 3), uint8, in the channel order of the image.
    """
    image = image[..., None] if image.ndim == 2 else image
    low, span = shown_range(image)
    image = three_channels(image)
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    scaled = (np.nan_to_num(image.astype(np.float64)) - low) * 255 / span
    return scaled.clip(0, 255).astype(np.uint8)


def three_channels(image: np.ndarray) -> np.ndarray:
    """(..., C) to (..., 3), see ``as_picture``."""
    channels = image.shape[-1]
    if channels == 1:
        return image.repeat(3, -1)
    if channels == 2:
        mean = image.mean(-1, keepdims=True).astype(image.dtype)
        return np.concatenate([image, mean], -1)
    return image[..., :3]


def shown_range(image: np.ndarray) -> tuple[float, float]:
    """The value shown as black, and the distance from it to white."""
    if image.dtype == np.uint8:
        return 0.0, 255.0
    finite = image[np.isfinite(image)]
    low, high = (
        (float(finite.min()), float(finite.max())) if finite.size else (0, 0)
    )
    # After normalising and back, values have rounding errors.
    if low > -0.5 and 1 < high < 255.5:
        return 0.0, 255.0
    return low, max(high - low, 1e-12)


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


# A decoder fills missing parts with grey, and a model would predict on them.
def _cut_off(path: Path) -> str | None:
    """Why a file is incomplete, or None if it may be complete."""
    if not path.is_file():
        return 'is not there' if not path.exists() else 'is not a file'
    content = path.read_bytes()
    if not content:
        return 'is empty'
    if content.startswith(b'\xff\xd8\xff'):
        # The end marker has to follow the last start of a scan.
        whole = content.rfind(b'\xff\xd9') > content.rfind(b'\xff\xda')
    elif content.startswith(b'\x89PNG'):
        whole = content.rfind(b'IEND') > 0
    else:
        return None
    return None if whole else 'breaks off; copy it again'
