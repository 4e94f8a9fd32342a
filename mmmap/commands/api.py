"""The commands as functions; ``mmmap.pretrain`` and the others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import predicting
from .main import checked
from .training import run_task


def _run(task: str, **options: Any) -> dict[str, Any]:
    return run_task(task, checked(task, options))


def pretrain(
    images: str | Path, *, out: str | Path, **options: Any
) -> dict[str, Any]:
    """Pretrain a backbone with MAP on images without labels.

    Args:
        images: A folder, with or without subfolders.
        out: The folder of the run. The same call continues it.
        **options: Those of ``mmmap pretrain --help``, with ``_`` for ``-``.

    Returns:
        ``out``, ``checkpoint``, ``report`` and ``metrics``; with
        ``dry_run=True``, the chosen settings.

    Raises:
        UserError: The data or an option cannot be used.
    """
    return _run('pretrain', images=images, out=out, **options)


def segment(
    images: str | Path, masks: str | Path, *, out: str | Path, **options: Any
) -> dict[str, Any]:
    """Train UPerNet on images and their masks.

    Args:
        images: A folder.
        masks: A folder, with a mask for each image or for some: values or
            colours are classes.
        out: The folder of the run. The same call continues it.
        **options: Those of ``mmmap segment --help``, such as ``start``.

    Returns:
        As :func:`pretrain`.

    Raises:
        UserError: The data or an option cannot be used.
    """
    return _run('segment', images=images, masks=masks, out=out, **options)


def detect(
    images: str | Path, coco: str | Path, *, out: str | Path, **options: Any
) -> dict[str, Any]:
    """Train Mask R-CNN, or Faster R-CNN if there are only boxes.

    Args:
        images: A folder.
        coco: A COCO JSON.
        out: The folder of the run. The same call continues it.
        **options: Those of ``mmmap detect --help``, such as ``start``.

    Returns:
        As :func:`pretrain`.

    Raises:
        UserError: The data or an option cannot be used.
    """
    return _run('detect', images=images, coco=coco, out=out, **options)


def classify(
    images: str | Path, *, out: str | Path, **options: Any
) -> dict[str, Any]:
    """Train a classifier on a folder of images for each class.

    Args:
        images: A folder of class folders; or one with ``train`` and ``val``.
        out: The folder of the run. The same call continues it.
        **options: Those of ``mmmap classify --help``, such as ``start``.

    Returns:
        As :func:`pretrain`.

    Raises:
        UserError: The data or an option cannot be used.
    """
    return _run('classify', images=images, out=out, **options)


def predict(
    run: str | Path,
    images: str | Path | np.ndarray | Sequence,
    **options: Any,
) -> list[dict[str, Any]]:
    """Predict with a run.

    Args:
        run: Its folder, or a file written by ``mmmap export``.
        images: An image, a folder, pixels (H, W, 3) as RGB, uint8, or (H, W,
            C) as in training, or a list of these. If the results do not fit
            into memory, use the command, which writes files.
        **options: ``checkpoint``, ``device``, ``min_score``, ``tile`` and
            ``overlap``, see ``mmmap predict --help``.

    Returns:
        For each image its name as ``image``, and from a segmentor
        ``class_map``, an array (H, W), and ``shares`` of the classes; from a
        detector ``objects``; from a classifier ``label``, ``name``, ``score``.

    Raises:
        UserError: The run or an image cannot be used.
    """
    return list(predicting.predict(run, images, **options))
