"""Reading images for a model, in one place.

What training and testing see is decided by the first steps of a config's
pipeline: the number of channels, 8 or 16 bits, the decoder. Every command
that shows a model an image reads it by these same steps.
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
        config: Of any library; the pipeline is that of testing, or of what
            else there is. Without one, images are read as 8-bit BGR.

    Attributes:
        suffixes: What the names of the data set's images end in, as far as
            the config says.
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
        """What the loading steps make of a file.

        Returns:
            As ``img`` (H, W) or (H, W, C), and what else they say of it.

        Raises:
            ReadingError: It cannot be read, or only a part of it is there.
        """
        # mmseg's steps ask for the list of maps that are loaded as well.
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
        # Decoders raise whatever the bytes lead to.
        except Exception as error:
            reason = f'{type(error).__name__}: {error}'
            raise ReadingError(
                f'{path} is not an image that can be read ({reason})'
            ) from error
        raise ReadingError(f'{path} is not an image that can be read')

    def read_frame(self, frame: np.ndarray, name: str) -> dict:
        """As ``read``, of a frame (H, W, 3), 8-bit BGR, of a video."""
        with tempfile.TemporaryDirectory() as folder:
            # Written without loss and without the time compression takes.
            file = Path(folder, f'{name}.bmp')
            cv2.imwrite(str(file), frame)
            return {**self.read(file), 'img_path': name}

    def finish(self, data: dict) -> dict:
        """Let the rest of the pipeline prepare what this reader has read.

        Steps that load annotations are left out.

        Raises:
            ReadingError: A step fails.
        """
        for index in range(self._first, len(self._steps)):
            if 'Annotation' in str(self._steps[index]['type']):
                continue
            step = self._step(index)
            try:
                data = step(data)
            # Steps raise whatever the image leads to.
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
    """What a person can look at of an image of any depth and channels.

    Values in 0..255 stay; others are spread from the smallest to the
    largest. Of more than three channels the first three are shown, one is
    shown as grey, two are shown with their mean as the third.

    Args:
        image: (H, W) or (H, W, C), as it was read.

    Returns:
        (H, W, 3), uint8, its channels in the order of the image's.
    """
    image = image[..., None] if image.ndim == 2 else image
    low, span = shown_range(image)
    image = three_channels(image)
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    scaled = (np.nan_to_num(image.astype(np.float64)) - low) * 255 / span
    return scaled.clip(0, 255).astype(np.uint8)


def three_channels(image: np.ndarray) -> np.ndarray:
    """(..., C) to (..., 3), as ``as_picture`` says."""
    channels = image.shape[-1]
    if channels == 1:
        return image.repeat(3, -1)
    if channels == 2:
        mean = image.mean(-1, keepdims=True).astype(image.dtype)
        return np.concatenate([image, mean], -1)
    return image[..., :3]


def shown_range(image: np.ndarray) -> tuple[float, float]:
    """The value shown as black, and how far above it white is."""
    if image.dtype == np.uint8:
        return 0.0, 255.0
    finite = image[np.isfinite(image)]
    low, high = (
        (float(finite.min()), float(finite.max())) if finite.size else (0, 0)
    )
    # Normalised and back, values differ by a rounding.
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


# A decoder fills up what is missing with grey, and a model predicts on it.
def _cut_off(path: Path) -> str | None:
    """Why a file is incomplete, or None if it may be complete."""
    if not path.is_file():
        return 'is not there' if not path.exists() else 'is not a file'
    content = path.read_bytes()
    if not content:
        return 'is empty'
    if content.startswith(b'\xff\xd8\xff'):
        # The end of image has to follow the last start of a scan.
        whole = content.rfind(b'\xff\xd9') > content.rfind(b'\xff\xda')
    elif content.startswith(b'\x89PNG'):
        whole = content.rfind(b'IEND') > 0
    else:
        return None
    return None if whole else 'breaks off; copy it again'
