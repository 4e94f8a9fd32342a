"""Reading images for pictures, and writing pictures."""

from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from ..datasets.image_reader import ImageReader
from ..writing import written_whole

_DPI = 130


def read_image(
    path: str | Path, size: tuple[int, int], reader: ImageReader
) -> Tensor:
    """Read an image as a tensor (C, H, W), resized and cropped.

    Args:
        path: The file.
        size: H and W.
        reader: Reads it as the model's config does.

    Raises:
        ReadingError: Not an image.
    """
    image = reader.read(path)['img']
    if image.dtype != np.uint8:
        image = image.astype(np.float32)
    (H, W), (h, w) = size, image.shape[:2]
    scale = max(H / h, W / w)
    edges = max(round(w * scale), W), max(round(h * scale), H)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = cv2.resize(image, edges, interpolation=method)
    image = image.reshape(*image.shape[:2], -1)
    top, left = (edges[1] - H) // 2, (edges[0] - W) // 2
    image = image[top : top + H, left : left + W]
    return torch.from_numpy(image.transpose(2, 0, 1).copy())


def spread(count: int, wanted: int) -> list[int]:
    """Evenly spread indices below ``count``; all if there are fewer."""
    return np.linspace(0, count - 1, min(wanted, count)).astype(int).tolist()


def save_picture(path: str | Path, picture: np.ndarray) -> None:
    """Write a picture (H, W, 3), uint8 RGB, as PNG."""
    with written_whole(path) as temporary:
        cv2.imwrite(str(temporary), picture[..., ::-1])


def save_text(path: str | Path, text: str) -> None:
    """Write a text."""
    with written_whole(path) as temporary:
        temporary.write_text(text)


def figure_pixels(figure: Figure) -> np.ndarray:
    """Render a Matplotlib figure as a picture (H, W, 3), uint8 RGB."""
    figure.set_dpi(_DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def save_figure(figure: Figure, path: str | Path) -> None:
    """Render a Matplotlib figure and write it as PNG."""
    FigureCanvasAgg(figure)
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, format='png')
