"""Preparing images as the libraries' steps do, without the libraries.

Letters: H W pixels, C channels.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from PIL import Image

_KINDS = dict(bilinear=cv2.INTER_LINEAR, bicubic=cv2.INTER_CUBIC)
_PILLOW = dict(
    bilinear=Image.Resampling.BILINEAR, bicubic=Image.Resampling.BICUBIC
)
_CHANNELS = 32  # that OpenCV is given at once


def prepared(
    image: np.ndarray, steps: Sequence[Mapping[str, Any]]
) -> np.ndarray:
    """Resize and crop an image (H, W, C) as a recipe says.

    Source of the sizes: mmcv's ``Resize`` and mmpretrain's ``ResizeEdge`` and
    ``CenterCrop``.
    """
    for step in steps:
        height, width = image.shape[:2]
        if 'resize' in step:
            size = tuple(step['resize'])
            if step['keep']:
                size = _within(width, height, size)
            image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        elif 'short' in step:
            edge = step['short']
            size = (
                (edge, int(edge * height / width))
                if width < height
                else (int(edge * width / height), edge)
            )
            image = _by(image, size, step['pillow'], step['kind'])
        else:
            edge = step['crop']
            top = max(0, int(round((height - edge) / 2.0)))
            left = max(0, int(round((width - edge) / 2.0)))
            image = image[top : top + edge, left : left + edge]
        image = np.atleast_3d(image)
    return image


def _within(width: int, height: int, size: Sequence[int]) -> tuple[int, int]:
    """The largest size of the same aspect within another, rotated or not."""
    factor = min(
        max(size) / max(height, width), min(size) / min(height, width)
    )
    return int(width * factor + 0.5), int(height * factor + 0.5)


def _by(image: np.ndarray, size, pillow: bool, kind: str) -> np.ndarray:
    if pillow:
        resampling = _PILLOW[kind]
        return np.asarray(Image.fromarray(image).resize(size, resampling))
    return cv2.resize(image, size, interpolation=_KINDS[kind])


def normalised(image: np.ndarray, recipe: Mapping[str, Any]) -> np.ndarray:
    """Normalise (H, W, C) to (1, C, H, W), fp32."""
    if recipe['swap'] and image.shape[2] == 3:
        image = image[..., ::-1]
    mean, std = (
        np.asarray(recipe[k], np.float32).reshape(-1, 1, 1)
        for k in ('mean', 'std')
    )
    planes = np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)
    return ((planes - mean) / std)[None]


def padded(
    image: np.ndarray, divisor: int, least: Sequence[int]
) -> np.ndarray:
    """Pad (1, C, H, W) with 0 on the right and below.

    Args:
        image: The image.
        divisor: H and W become multiples of it,
        least: and at least these.
    """
    more = [
        -(-max(length, low) // divisor) * divisor - length
        for length, low in zip(image.shape[2:], least)
    ]
    return np.pad(image, ((0, 0), (0, 0), (0, more[0]), (0, more[1])))


def resized(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (C, h, w) to (C, H, W) as torch's bilinear interpolation."""
    if scores.shape[1:] == tuple(size):
        return scores
    planes = scores.transpose(1, 2, 0)
    parts = [
        np.atleast_3d(
            cv2.resize(
                np.ascontiguousarray(planes[..., k : k + _CHANNELS]),
                (size[1], size[0]),
                interpolation=cv2.INTER_LINEAR,
            )
        )
        for k in range(0, planes.shape[2], _CHANNELS)
    ]
    return np.concatenate(parts, -1).transpose(2, 0, 1)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Scores (K,) that add up to 1."""
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()
