"""What is in an image file, with NumPy and Pillow only."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def read_pixels(path: str | Path) -> np.ndarray | str:
    """An image as it is stored, upright as OpenCV turns it.

    Args:
        path: The file.

    Returns:
        The array (H, W) or (H, W, C); or the reason why there is none.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image))
    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:
        return f'{path} ({error})'
