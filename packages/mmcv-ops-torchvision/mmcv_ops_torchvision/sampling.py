"""Samples of features within the bins of regions.

B C H W: the features. N: regions. P Q: bins down and across. S T: samples of
a bin, down and across. Pairs are (down, across). A sample that a bin does not
have is NaN, since bins of one tensor may have different numbers of them.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

# Sampled features held at a time: more regions do not take more memory.
SAMPLES = 2**24


def parts(
    features: Tensor, bins: tuple[int, int], counts: Tensor
) -> Iterator[slice]:
    """Slices of the regions that can be sampled at once.

    Args:
        features: (B, C, H, W).
        bins: P and Q.
        counts: Samples of a bin, (N, 2).
    """
    if not len(counts):
        return
    largest = int(counts.clamp(min=1).amax(0).prod())
    values = features.shape[1] * bins[0] * bins[1] * largest
    step = max(1, SAMPLES // values)
    for first in range(0, len(counts), step):
        yield slice(first, first + step)


def sample_counts(
    size: Tensor, bins: tuple[int, int], sampling_ratio: int
) -> Tensor:
    """How many samples the bins of each region have, (N, 2).

    Args:
        size: Of the regions, (N, 2).
        bins: P and Q.
        sampling_ratio: That number; 0 for as many as a bin has pixels.
    """
    if sampling_ratio > 0:
        return torch.full_like(size, sampling_ratio).long()
    return (size / size.new_tensor(bins)).ceil().long()


def sample_places(start: Tensor, size: Tensor, bins: int, counts: Tensor):
    """Where the samples of each bin lie along one axis, (N, P, S).

    Args:
        start: Of the regions, (N,).
        size: Of the regions, (N,).
        bins: P.
        counts: Samples of a bin, (N,).
    """
    step = torch.arange(max(1, int(counts.max())), device=start.device)
    index = torch.arange(bins, device=start.device)[:, None]
    start, size, counts = (t[:, None, None] for t in (start, size, counts))
    width = size / bins
    place = start + index * width + (step + 0.5) * width / counts
    return place.masked_fill(step >= counts, torch.nan)


def pixel_places(low: Tensor, high: Tensor) -> Tensor:
    """The pixels of each bin along one axis, (N, P, S).

    Args:
        low: First pixel of the bins, (N, P).
        high: The one behind the last, (N, P).
    """
    count = max(1, int((high - low).max()))
    place = low[..., None] + torch.arange(count, device=low.device)
    return place.masked_fill(place >= high[..., None], torch.nan)


def cross(down: Tensor, across: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates of the samples, both (N, P, Q, S T).

    Args:
        down: (N, P, S).
        across: (N, Q, T).
    """
    pair = down[:, :, None, :, None], across[:, None, :, None, :]
    y, x = torch.broadcast_tensors(*pair)
    return y.flatten(3), x.flatten(3)


def bilinear(features: Tensor, images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Interpolated features; 0 more than a pixel outside, and for NaN.

    Source: the interpolation of detectron2's RoIAlign.

    Args:
        features: (B, C, H, W).
        images: Which of the B each region samples, (N,).
        y: (N, ...).
        x: (N, ...).

    Returns:
        (N, C, ...).
    """
    height, width = features.shape[-2:]
    inside = (y >= -1) & (y <= height) & (x >= -1) & (x <= width)
    y = torch.where(inside, y, 0).clamp(0, height - 1)
    x = torch.where(inside, x, 0).clamp(0, width - 1)
    top, left = y.long(), x.long()
    bottom = (top + 1).clamp(max=height - 1)
    right = (left + 1).clamp(max=width - 1)
    down, across = y - top, x - left
    up, back = 1 - down, 1 - across
    images = images.long().view(-1, *[1] * (y.dim() - 1))
    pixels = features.permute(0, 2, 3, 1)
    value = sum(
        (weight * inside)[..., None] * pixels[images, row, column]
        for weight, row, column in (
            (up * back, top, left),
            (up * across, top, right),
            (down * back, bottom, left),
            (down * across, bottom, right),
        )
    )
    return value.movedim(-1, 1)


def maximum(
    features: Tensor, images: Tensor, y: Tensor, x: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The largest sample of each bin and where it lies.

    Args:
        features: (B, C, H, W).
        images: (N,).
        y: (N, P, Q, S T).
        x: (N, P, Q, S T).

    Returns:
        Three tensors (N, C, P, Q): the values, y and x. For a bin without
        samples: minus infinity, -1 and -1.
    """
    values = bilinear(features, images, y, x)
    absent = (y + x).isnan()[:, None]
    values, index = values.masked_fill(absent, -torch.inf).max(-1)
    none, size = values.isneginf(), (*index.shape, y.shape[-1])
    chosen = (
        place[:, None].expand(size).gather(-1, index[..., None])[..., 0]
        for place in (y, x)
    )
    return values, *(place.masked_fill(none, -1) for place in chosen)
