"""Reconstructions side by side.

Letters: B batch, H W pixels.
"""

from collections.abc import Sequence
from functools import singledispatch

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..datasets.shown import shown_range, three_channels
from ..models.heads import DiffusionHead
from ..models.selfsup.map import MAP, Reconstruction

COLUMNS = ('input', 'visible', 'reconstructed')
# The method for each attention mask of the decoder.
METHODS = {
    'rows': 'MAP',
    'columns': 'MAP by columns',
    'full': 'MAE',
    'raster': 'AR',
    'raster_columns': 'AR by columns',
    'same_row': 'local MAE',
}
_GAP = 4
_TITLE = 22
_EDGE = 160


@singledispatch
def reconstruction_grid(
    shown: Reconstruction, preprocessor: nn.Module
) -> np.ndarray:
    """One row per image: input, visible part, reconstruction.

    For a cloud: groups, mask, reconstruction and error.

    Args:
        shown: From ``MAP.reconstruct`` or ``PointMAP.reconstruct``.
        preprocessor: The model's, for its ``mean`` and ``std``.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    return method_rows([shown], [preprocessor], COLUMNS[-1:])


@singledispatch
def reconstruction_page(shown: Reconstruction, title: str) -> str | None:
    """The same for clouds as an HTML page, on which they can be turned.

    Args:
        shown: See ``reconstruction_grid``.
        title: Title of the page.

    Returns:
        Its text; None for images.
    """
    return None


def method_rows(
    shown: Sequence[Reconstruction],
    preprocessors: Sequence[nn.Module],
    names: Sequence[str],
) -> np.ndarray:
    """One row per image: input, visible part, each model's reconstruction.

    Args:
        shown: From each model's ``MAP.reconstruct``, with the same images and
            masks.
        preprocessors: Each model's.
        names: Titles of their columns.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    first, preprocessor = shown[0], preprocessors[0]
    image = to_pixels(first.image, preprocessor)
    columns = [image, to_pixels(first.masked, preprocessor)]
    columns += [
        to_pixels(one.reconstructed, its)
        for one, its in zip(shown, preprocessors, strict=True)
    ]
    tiles = np.stack(
        [_as_seen(column, image) for column in columns], axis=1
    )  # (B, n, H, W, 3)
    hidden = first.mask[:, :1].expand(-1, 3, -1, -1).permute(0, 2, 3, 1)
    tiles[:, 1][hidden.cpu().numpy()] = 128
    return _tiled(tiles, [*COLUMNS[:2], *names])


def with_means(shown: Reconstruction, patch: int) -> Reconstruction:
    """The same with the mean of each hidden patch as its reconstruction.

    One mean for all channels, as ``PixelTarget`` subtracts it: a
    reconstruction of normalised pixels is given no more than that, and the
    deviation.

    Args:
        shown: A reconstruction of images.
        patch: Pixels of a patch's edge.
    """
    means = F.avg_pool2d(shown.image.float(), patch).mean(1, keepdim=True)
    means = F.interpolate(means, scale_factor=float(patch))
    filled = torch.where(shown.mask, means.to(shown.image), shown.image)
    return shown._replace(reconstructed=filled)


def _as_seen(column: Tensor, image: Tensor) -> np.ndarray:
    """Pixels (B, C, H, W) as bytes (B, H, W, 3), scaled as the image's."""
    column, image = (
        x.cpu().permute(0, 2, 3, 1).numpy() for x in (column, image)
    )
    seen = []
    for pixels, like in zip(column, image):
        low, span = shown_range(like)
        seen.append(three_channels((pixels - low) * (255 / span)))
    return np.stack(seen).clip(0, 255).astype(np.uint8)


def method_names(models: Sequence[MAP]) -> list[str]:
    """The method of each model, for example ``'MAE, raw pixels'``.

    Args:
        models: The models; equal methods are numbered.
    """
    names = [_method_name(model) for model in models]
    counts = [names[: i + 1].count(name) for i, name in enumerate(names)]
    return [
        f'{name} ({count})' if names.count(name) > 1 else name
        for name, count in zip(names, counts)
    ]


def _method_name(model: MAP) -> str:
    kind = model.decoder.attention
    parts = [METHODS.get(kind, kind)]
    if isinstance(model.head, DiffusionHead):
        parts.append('diffusion')
    if not model.target_generator.norm_pix:
        parts.append('raw pixels')
    return ', '.join(parts)


def _tiled(tiles: np.ndarray, titles: Sequence[str]) -> np.ndarray:
    """Tiles (B, n, H, W, 3) on a white page, a title over each column."""
    tiles = [[_enlarged(tile) for tile in row] for row in tiles]
    height, width = tiles[0][0].shape[:2]
    canvas = np.full(
        (
            _TITLE + len(tiles) * (height + _GAP),
            len(titles) * (width + _GAP),
            3,
        ),
        255,
        np.uint8,
    )
    for x, title in enumerate(titles):
        left = x * (width + _GAP)
        _write_title(canvas, title, left, width)
        for y, row in enumerate(tiles):
            top = _TITLE + y * (height + _GAP)
            canvas[top : top + height, left : left + width] = row[x]
    return canvas


def _write_title(
    canvas: np.ndarray, title: str, left: int, width: int
) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    (length, _), _ = cv2.getTextSize(title, font, 0.5, 1)
    cv2.putText(
        canvas,
        title,
        (left + 2, _TITLE - 7),
        font,
        0.5 * min(1, (width - 4) / length),
        (0, 0, 0),
        1,
        cv2.LINE_AA,
    )


def to_pixels(images: Tensor, preprocessor: nn.Module) -> Tensor:
    """Undo the preprocessor's normalisation: the values of the file, fp32."""
    images = images.float()
    if hasattr(preprocessor, 'mean'):
        images = images * preprocessor.std + preprocessor.mean
    return images


def _enlarged(tile: np.ndarray) -> np.ndarray:
    """Enlarge small images."""
    factor = max(round(_EDGE / max(tile.shape[:2])), 1)
    return tile.repeat(factor, 0).repeat(factor, 1)
