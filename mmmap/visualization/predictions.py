"""Predictions side by side, as ``tools/test.py --out`` writes them.

Matplotlib figures, for small images.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from PIL import Image

from .images import save_figure, spread

_TILE = 1.9  # inches
_ROWS = 6


def segmentation_figure(
    predictions: Mapping[str, Sequence[dict]],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    path: str | Path,
    rows: int = _ROWS,
    notes: Sequence[str] = (),
) -> None:
    """Draw images, their true classes and the predictions of several models.

    Args:
        predictions: For each model's name, the written samples of one data
            set, in the same order.
        classes: Names of the classes.
        palette: RGB of each class, 0..255.
        path: PNG to write.
        rows: Number of images, evenly spread over the set.
        notes: Optional text beside each sample's row.
    """
    first = next(iter(predictions.values()))
    picked = spread(len(first), rows)
    titles = ['image', 'truth', *predictions]
    images = [_image(first[index]) for index in picked]
    figure, axes = _grid(images, titles)
    colours = np.asarray(palette, np.uint8)
    for axis_row, image, index in zip(axes, images, picked, strict=True):
        truth = _labels(first[index]['gt_sem_seg'])
        maps = [truth] + [
            _labels(samples[index]['pred_sem_seg'])
            for samples in predictions.values()
        ]
        axis_row[0].imshow(image)
        if notes:
            _note(axis_row[0], notes[index])
        for axis, labels in zip(axis_row[1:], maps, strict=True):
            axis.imshow(_painted(image, labels, colours))
    figure.legend(
        handles=[
            Patch(color=colour / 255, label=name)
            for name, colour in zip(classes, colours, strict=True)
        ],
        loc='outside lower center',
        ncols=min(len(classes), 6),
        frameon=False,
        fontsize=8,
    )
    save_figure(figure, path)


def detection_figure(
    predictions: Mapping[str, Sequence[dict]],
    classes: Sequence[str],
    path: str | Path,
    min_score: float = 0.5,
) -> None:
    """Draw images, their true instances and those that several models detect.

    Args:
        predictions: For each model's name, the written samples of one data
            set, in the same order.
        classes: Names of the classes.
        path: PNG to write.
        min_score: Detections with a lower score are not drawn.
    """
    first = next(iter(predictions.values()))
    picked = spread(len(first), _ROWS)
    images = [_image(first[index]) for index in picked]
    figure, axes = _grid(images, ['image', 'truth', *predictions])
    for axis_row, image, index in zip(axes, images, picked, strict=True):
        for axis in axis_row:
            axis.imshow(image)
        _draw_instances(axis_row[1], first[index]['gt_instances'], classes)
        for axis, samples in zip(
            axis_row[2:], predictions.values(), strict=True
        ):
            found = samples[index]['pred_instances']
            kept = np.asarray(found['scores']) > min_score
            found = {k: np.asarray(value)[kept] for k, value in found.items()}
            _draw_instances(axis, found, classes)
    save_figure(figure, path)


def _grid(
    images: Sequence[np.ndarray], titles: Sequence[str]
) -> tuple[Figure, np.ndarray]:
    """A row for each image, as high as the tallest one."""
    height = _TILE * max(image.shape[0] / image.shape[1] for image in images)
    figure = Figure(
        figsize=(_TILE * len(titles), height * len(images) + 0.6),
        layout='constrained',
    )
    axes = figure.subplots(len(images), len(titles), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    return figure, axes


def _note(axis: Axes, text: str) -> None:
    """Write along the left edge."""
    axis.text(
        -0.04, 0.5, text.replace('$', r'\$'), rotation=90, fontsize=7,
        ha='right', va='center', transform=axis.transAxes,
    )  # fmt: skip


def _image(sample: dict) -> np.ndarray:
    with Image.open(sample['img_path']) as image:
        return np.asarray(image.convert('RGB'))


def _labels(annotation: dict) -> np.ndarray:
    return np.asarray(annotation['data']).squeeze()


def _painted(
    image: np.ndarray, labels: np.ndarray, colours: np.ndarray
) -> np.ndarray:
    """Classes over the image; pixels without a class (255) stay white."""
    known = labels < len(colours)
    paint = np.full((*labels.shape, 3), 255, np.uint8)
    paint[known] = colours[labels[known]]
    return (0.3 * image + 0.7 * paint).astype(np.uint8)


def _draw_instances(axis: Axes, instances: dict, classes) -> None:
    colours = matplotlib.colormaps['tab10']
    masks = instances.get('masks', ())
    masks = getattr(masks, 'masks', masks)
    for index, (box, label) in enumerate(
        zip(instances['bboxes'], instances['labels'], strict=True)
    ):
        left, top, right, bottom = (float(side) for side in box)
        colour = colours(int(label) % 10)
        axis.add_patch(
            Rectangle(
                (left, top),
                right - left,
                bottom - top,
                fill=False,
                edgecolor=colour,
                linewidth=1.2,
            )
        )
        if index < len(masks):
            mask = np.asarray(masks[index], dtype=float)
            layer = np.zeros((*mask.shape, 4))
            layer[...] = colour
            layer[..., 3] = 0.45 * mask
            axis.imshow(layer)
        name = classes[int(label)]
        if 'scores' in instances:
            name = f'{name} {float(instances["scores"][index]):.2f}'
        axis.text(
            max(left, 0),
            max(top - 1, 5),  # below the title
            name,
            fontsize=6,
            color='white',
            bbox=dict(facecolor=colour, edgecolor='none', pad=0.6),
        )
