"""Pictures to look at, from images of any depth and number of channels."""

import numpy as np


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
