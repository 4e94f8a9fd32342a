"""Reconstructions side by side."""

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ..models.selfsup.map import Reconstruction

COLUMNS = ('input', 'visible', 'reconstructed')
_GAP = 4
_TITLE = 22
_EDGE = 160


def reconstruction_grid(
    shown: Reconstruction, preprocessor: nn.Module
) -> np.ndarray:
    """One row an image: input, its visible part, its reconstruction.

    Args:
        shown: From ``MAP.reconstruct``.
        preprocessor: The model's, for its ``mean`` and ``std``.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    grey = shown.mask * 128.0
    columns = (
        to_pixels(shown.image, preprocessor),
        to_pixels(shown.masked, preprocessor) * ~shown.mask + grey,
        to_pixels(shown.reconstructed, preprocessor),
    )
    rows = torch.stack(columns, dim=1)  # (B, 3, 3, H, W)
    tiles = rows.permute(0, 1, 3, 4, 2).byte().cpu().numpy()
    tiles = [[_enlarged(tile) for tile in row] for row in tiles]
    height, width = tiles[0][0].shape[:2]
    canvas = np.full(
        (
            _TITLE + len(tiles) * (height + _GAP),
            len(COLUMNS) * (width + _GAP),
            3,
        ),
        255,
        np.uint8,
    )
    for x, title in enumerate(COLUMNS):
        left = x * (width + _GAP)
        cv2.putText(
            canvas,
            title,
            (left + 2, _TITLE - 7),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.5,
            (0, 0, 0),
            1,
            cv2.LINE_AA,
        )
        for y, row in enumerate(tiles):
            top = _TITLE + y * (height + _GAP)
            canvas[top : top + height, left : left + width] = row[x]
    return canvas


def to_pixels(images: Tensor, preprocessor: nn.Module) -> Tensor:
    """Undo the preprocessor's normalisation: values in 0..255, fp32."""
    images = images.float()
    if hasattr(preprocessor, 'mean'):
        images = images * preprocessor.std + preprocessor.mean
    return images.clamp(0, 255)


def _enlarged(tile: np.ndarray) -> np.ndarray:
    """Small images are shown larger, so that a person sees them."""
    factor = max(round(_EDGE / max(tile.shape[:2])), 1)
    return tile.repeat(factor, 0).repeat(factor, 1)
